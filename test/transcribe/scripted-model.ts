import type { Backend, DecoderRun, EncodedAudio } from '../../src/backend/backend.ts';
import { candidatesBehind } from '../../src/backend/candidates.ts';
import { decodingRules } from '../../src/decoding/rules.ts';
import { rowsOf } from '../../src/logits/rows.ts';
import { specialTokens } from '../../src/model/special-tokens.ts';
import type { WhisperTokenizer } from '../../src/model/tokenizer.ts';
import type { LoadedModel } from '../../src/transcribe/loaded-model.ts';
import { greedyBy } from '../support/scripted-run.ts';

const special = specialTokens(51865);

/** The token of a time in a window. */
export const at = (seconds: number) => special.timestampBegin + Math.round(seconds * 50);

/** What a window is heard to say. */
export interface Script {
  readonly language?: string;
  /** Without the end token. */
  readonly tokens: readonly number[];
  /** What it is heard to say where it is told a text before it. */
  readonly prompted?: readonly number[];
  /** Logit of its tokens without such a text, those of all others being -50; with it they are certain. */
  readonly logit?: number;
}

export interface ScriptedModel {
  readonly model: LoadedModel;
  /** Windows encoded so far, and how many at a time. */
  readonly encoded: readonly number[];
  /** What each text was begun with. */
  readonly prompts: readonly (readonly number[])[];
}

/** A model that says, window by window in the order in which they are encoded, what a script says. */
export function scriptedModel(script: (window: number, logMel: Float32Array) => Script): ScriptedModel {
  const encoded: number[] = [];
  const prompts: number[][] = [];
  let windows = 0;
  const backend: Pick<Backend, 'encode' | 'dimensions'> = {
    dimensions: { nMels: 80 } as Backend['dimensions'],
    async encode(logMels) {
      encoded.push(logMels.length);
      const scripts = logMels.map((logMel) => script(windows++, logMel));
      return scriptedAudio(scripts, prompts);
    },
  };
  const tokenizer = {
    special,
    encode: (text: string) => [...Buffer.from(text)],
    decode: (tokens: readonly number[]) =>
      tokens
        .filter((token) => token < special.eot)
        .map((token) => ` t${token}`)
        .join(''),
  } as unknown as WhisperTokenizer;
  const generation = { suppressTokens: [], beginSuppressTokens: [], alignmentHeads: [], maxLength: 448 };
  const model = { tokenizer, rules: decodingRules(special, generation), backend } as LoadedModel;
  return { model, encoded, prompts };
}

function scriptedAudio(scripts: readonly Script[], prompts: number[][]): EncodedAudio {
  return {
    count: scripts.length,
    async startDecoder(window) {
      const own = window === undefined ? scripts : [scripts[window] as Script];
      let said = -1;
      let begun: readonly number[] = [];
      const run: DecoderRun = {
        async nextLogprobs([tokens = []], of) {
          begun = tokens.slice(0, -1);
          const language = (script: Script) => special.languages.get(script.language ?? 'en');
          return Float32Array.from(own.flatMap((script) => of.map((token) => (token === language(script) ? 0 : -50))));
        },
        async forward({ tokens, logitsFrom }) {
          const [first = []] = tokens;
          if (said < 0) prompts.push([...begun, ...first]);
          said++;
          const rows = logitsFrom === undefined ? 1 : first.length - logitsFrom;
          const logits = new Float32Array(tokens.length * rows * special.nVocab).fill(-50);
          for (const [text, script] of own.entries()) {
            const isPrompted = prompts.at(-1)?.[0] === special.startOfPrev;
            const next = ((isPrompted ? script.prompted : undefined) ?? script.tokens)[said] ?? special.eot;
            logits[((text + 1) * rows - 1) * special.nVocab + next] = isPrompted ? 50 : (script.logit ?? 50);
          }
          return { logits };
        },
        async candidates(step, request) {
          const [rows = []] = rowsOf((await run.forward(step)).logits, special.nVocab, 1);
          return rows.map((row, text) => candidatesBehind(row, text, request));
        },
        greedy: (request) => greedyBy(own.length, special.nVocab, run.forward)(request),
        async [Symbol.asyncDispose]() {},
      };
      return run;
    },
    encoderOutput: () => Promise.reject(new Error('nobody should ask for it')),
    async [Symbol.asyncDispose]() {},
  };
}
