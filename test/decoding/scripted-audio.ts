import type { DecoderRun, EncodedAudio, GreedyRequest, GreedySequence } from '../../src/backend/backend.ts';

/** What a text over a scripted audio was asked. */
export interface AskedRun {
  /** What was asked of `forward` and `nextLogprobs`. */
  readonly forwarded: { readonly tokens: readonly number[]; readonly signal: AbortSignal | undefined }[];
  readonly requests: { readonly request: GreedyRequest; readonly signal: AbortSignal | undefined }[];
  isDisposed: boolean;
}

export interface Script {
  /** What `forward` gives, and `nextLogprobs` is computed from. */
  readonly logits?: Float32Array;
  /** What `greedy` gives; the tokens are cut at `maxTokens` as a backend does. Log-probabilities are exact by default. */
  readonly text: Pick<GreedySequence, 'tokens' | 'logprobs'> & Partial<GreedySequence>;
  readonly failure?: Error;
}

/** An audio whose sequences say what a script says, and which remembers what it was asked. */
export function scriptedAudio({ logits, text, failure }: Script): { audio: EncodedAudio; runs: AskedRun[] } {
  const runs: AskedRun[] = [];
  const startDecoder = async (): Promise<DecoderRun> => {
    const asked: AskedRun = { forwarded: [], requests: [], isDisposed: false };
    runs.push(asked);
    return {
      async forward({ tokens: [tokens = []] }, signal) {
        asked.forwarded.push({ tokens, signal });
        if (logits === undefined) throw new Error('the script has no logits');
        return { logits };
      },
      candidates: () => Promise.reject(new Error('the script knows no candidates')),
      async nextLogprobs([tokens = []], of, signal) {
        asked.forwarded.push({ tokens, signal });
        if (logits === undefined) throw new Error('the script has no logits');
        return Float32Array.from(of, (token) => logits[token] as number);
      },
      async greedy(request, signal) {
        asked.requests.push({ request, signal });
        if (failure !== undefined) throw failure;
        const said = {
          tokens: text.tokens.slice(0, request.maxTokens),
          logprobs: text.logprobs.slice(0, request.maxTokens),
          logprobErrors: (text.logprobErrors ?? text.tokens.map(() => 0)).slice(0, request.maxTokens),
        };
        return { sequences: [said] };
      },
      async [Symbol.asyncDispose]() {
        asked.isDisposed = true;
      },
    };
  };
  const audio: EncodedAudio = {
    count: 1,
    startDecoder,
    encoderOutput: () => Promise.reject(new Error('nobody should ask for it')),
    [Symbol.asyncDispose]: () => Promise.reject(new Error('the audio belongs to the caller')),
  };
  return { audio, runs };
}
