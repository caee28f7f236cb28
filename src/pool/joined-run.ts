import type { DecoderRun, GreedyRequest, SequenceStep, Step } from '../backend/backend.ts';
import { firstLogitRow } from '../backend/sequence-table.ts';
import { allDone } from './all-done.ts';

/**
 * Joins the decoder runs of several windows, which may be on different devices, to one run.
 *
 * @param runs of the windows, in order
 */
export function joinedRun(runs: readonly DecoderRun[]): DecoderRun {
  const [only, ...others] = runs;
  if (only !== undefined && others.length === 0) return only;
  /** Of each window. */
  let sequencesPerWindow = 1;
  const each = <T>(call: (run: DecoderRun, window: number) => PromiseLike<T>) => allDone(runs.map(call));
  const partOf = <S extends SequenceStep>(step: S, window: number): S => {
    const parents = ownShare(step.parents, runs.length, window)?.map((parent) => parent - window * sequencesPerWindow);
    const tokens = ownShare(step.tokens, runs.length, window);
    return { ...step, tokens, ...(parents === undefined ? {} : { parents }) };
  };
  // Before any of the windows has done its part.
  const check = ({ tokens, parents = tokens.map((_, i) => i), logitsFrom }: Step) => {
    const tokensPerSequence = tokens[0]?.length ?? 0;
    const perWindow = tokens.length / runs.length;
    const isWhole =
      Number.isInteger(perWindow) &&
      tokensPerSequence > 0 &&
      tokens.every(({ length }) => length === tokensPerSequence);
    const isInOrder = parents.every(
      (parent, i) => Math.floor(parent / sequencesPerWindow) === Math.floor(i / perWindow),
    );
    if (!isWhole || !isInOrder || parents.length !== tokens.length)
      throw new RangeError('sequences of a step are in the order of their windows, with the same number for each');
    firstLogitRow({ tokensPerSequence }, logitsFrom === undefined ? {} : { logitsFrom });
  };
  const stepDone = ({ tokens }: SequenceStep) => {
    sequencesPerWindow = tokens.length / runs.length;
  };
  return {
    async forward(step, signal) {
      check(step);
      const results = await each((run, window) => run.forward(partOf(step, window), signal));
      stepDone(step);
      const logits = concatenated(results.map((result) => result.logits));
      if (!step.attention) return { logits };
      return { logits, attention: concatenated(results.flatMap(({ attention }) => attention ?? [])) };
    },
    async candidates(step, request, signal) {
      check(step);
      const found = await each((run, window) =>
        run.candidates(partOf(step, window), withOwnSequences(request, runs.length, window), signal),
      );
      stepDone(step);
      return found.flat();
    },
    async nextLogprobs(tokens, wantedTokens, signal) {
      const asked = (window: number) => ownShare(tokens, runs.length, window);
      return concatenated(await each((run, window) => run.nextLogprobs(asked(window), wantedTokens, signal)));
    },
    async greedy(request, signal) {
      const results = await each((run, window) => run.greedy(ownRequest(request, runs.length, window), signal));
      const sequences = results.flatMap((result) => result.sequences);
      if (!request.timed) return { sequences };
      // Windows are decoded at the same time: what they took together is what the longest took.
      const batches = results.map((result) => result.batches ?? []).reduce((a, b) => (b.length > a.length ? b : a));
      return { sequences, batches };
    },
    async [Symbol.asyncDispose]() {
      await each((run) => run[Symbol.asyncDispose]());
    },
  };
}

function ownRequest(request: GreedyRequest, windows: number, window: number): GreedyRequest {
  return withOwnSequences({ ...request, prompts: ownShare(request.prompts, windows, window) }, windows, window);
}

function withOwnSequences<R extends Pick<GreedyRequest, 'timestamps'>>(request: R, windows: number, window: number): R {
  if (request.timestamps === undefined) return request;
  const { rules, sequences } = request.timestamps;
  return { ...request, timestamps: { rules, sequences: ownShare(sequences, windows, window) } };
}

/** Of what stands in the order of the windows, as much for each, a window's share. */
function ownShare<T extends readonly unknown[] | undefined>(all: T, windows: number, window: number): T {
  if (all === undefined) return all;
  const share = all.length / windows;
  if (!Number.isInteger(share)) throw new RangeError(`${all.length} sequences cannot be shared by ${windows} windows`);
  return all.slice(window * share, (window + 1) * share) as unknown as T;
}

function concatenated(parts: readonly Float32Array[]): Float32Array {
  const all = new Float32Array(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}
