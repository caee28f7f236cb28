import type { DecoderRun, GreedyRequest, Step, TextStep } from '../backend/backend.ts';
import { firstLogitRow } from '../backend/sequence-table.ts';
import { allDone } from './all-done.ts';

/**
 * Texts over several windows, each of which has its own texts somewhere.
 *
 * @param runs of the windows, in order
 */
export function joinedRun(runs: readonly DecoderRun[]): DecoderRun {
  const [only, ...others] = runs;
  if (only !== undefined && others.length === 0) return only;
  /** Of each window. */
  let textCount = 1;
  const each = <T>(call: (run: DecoderRun, window: number) => PromiseLike<T>) => allDone(runs.map(call));
  const partOf = <S extends TextStep>(step: S, window: number): S => {
    const sources = ownShare(step.sources, runs.length, window)?.map((source) => source - window * textCount);
    const tokens = ownShare(step.tokens, runs.length, window);
    return { ...step, tokens, ...(sources === undefined ? {} : { sources }) };
  };
  // Before any of the windows has done its part.
  const check = ({ tokens, sources = tokens.map((_, i) => i), logitsFrom }: Step) => {
    const width = tokens[0]?.length ?? 0;
    const perWindow = tokens.length / runs.length;
    const isWhole = Number.isInteger(perWindow) && width > 0 && tokens.every(({ length }) => length === width);
    const isInOrder = sources.every((source, i) => Math.floor(source / textCount) === Math.floor(i / perWindow));
    if (!isWhole || !isInOrder || sources.length !== tokens.length)
      throw new RangeError('texts of a step stand in the order of their windows, as many for each');
    firstLogitRow({ width }, logitsFrom === undefined ? {} : { logitsFrom });
  };
  const stepDone = ({ tokens }: TextStep) => {
    textCount = tokens.length / runs.length;
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
        run.candidates(partOf(step, window), withOwnTexts(request, runs.length, window), signal),
      );
      stepDone(step);
      return found.flat();
    },
    async ask(tokens, of, signal) {
      const asked = (window: number) => ownShare(tokens, runs.length, window);
      return concatenated(await each((run, window) => run.ask(asked(window), of, signal)));
    },
    async greedy(request, signal) {
      const results = await each((run, window) => run.greedy(ownRequest(request, runs.length, window), signal));
      const texts = results.flatMap((result) => result.texts);
      if (!request.timed) return { texts };
      // Windows are decoded at the same time: what they took together is what the longest took.
      const batches = results.map((result) => result.batches ?? []).reduce((a, b) => (b.length > a.length ? b : a));
      return { texts, batches };
    },
    async [Symbol.asyncDispose]() {
      await each((run) => run[Symbol.asyncDispose]());
    },
  };
}

function ownRequest(request: GreedyRequest, windows: number, window: number): GreedyRequest {
  return withOwnTexts({ ...request, prompts: ownShare(request.prompts, windows, window) }, windows, window);
}

function withOwnTexts<R extends Pick<GreedyRequest, 'timestamps'>>(request: R, windows: number, window: number): R {
  if (request.timestamps === undefined) return request;
  const { rules, texts } = request.timestamps;
  return { ...request, timestamps: { rules, texts: ownShare(texts, windows, window) } };
}

/** Of what stands in the order of the windows, as much for each, a window's share. */
function ownShare<T extends readonly unknown[] | undefined>(all: T, windows: number, window: number): T {
  if (all === undefined) return all;
  const share = all.length / windows;
  if (!Number.isInteger(share)) throw new RangeError(`${all.length} texts cannot be shared by ${windows} windows`);
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
