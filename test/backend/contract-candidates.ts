import { describe, expect, test } from 'vitest';
import type { CandidatesRequest, EncodedAudio } from '../../src/backend/backend.ts';
import { timestampFilter } from '../../src/decoding/logit-filters.ts';
import type { Candidate } from '../../src/logits/candidates.ts';
import { logSumExp } from '../../src/logits/log-softmax.ts';
import { append } from '../support/append.ts';

/** A text over a window of random values. */
export type SeededText = readonly [seed: number, text: readonly number[]];

/** The backend of the contract, and what its reference says. */
export interface CandidatesSubject {
  readonly nVocab: number;
  readonly logitTolerance: number;
  readonly prompt: readonly number[];
  /** Windows of random values, one for each seed. */
  encode(...seeds: readonly number[]): Promise<EncodedAudio>;
  /** The reference's logits behind a text. */
  logitsOf(seed: number, text: readonly number[]): readonly number[];
  expectTexts(logits: Float32Array, sequences: readonly SeededText[]): void;
  /** What forbids some tokens, f32 [nVocab]. */
  mask(...tokens: readonly number[]): Float32Array;
}

/** What callers may expect of a backend that is asked for the likeliest tokens behind each text. */
export function candidatesContract(subject: CandidatesSubject): void {
  const { nVocab, logitTolerance, prompt, encode, logitsOf, expectTexts, mask } = subject;
  describe('asked for candidates', () => {
    const timestampBegin = 260;
    const rules = { eot: 240, noTimestamps: 245, timestampBegin, maxInitialIndex: 20 };
    const plain: CandidatesRequest = { count: 4, suppress: mask() };

    /** Log-probabilities of all tokens behind a text, by the reference. */
    const logprobsBehind = ([seed, text]: SeededText, { suppress, timestamps }: CandidatesRequest, index: number) => {
      const logits = Float32Array.from(logitsOf(seed, text), (value, i) => value + suppress[i]!);
      if (timestamps !== undefined) timestampFilter(timestamps.rules).apply(logits, timestamps.sequences[index]!);
      const norm = logSumExp(logits);
      return logits.map((value) => value - norm);
    };

    function expectCandidates(
      found: readonly (readonly Candidate[])[],
      request: CandidatesRequest,
      sequences: readonly SeededText[],
    ): void {
      expect(found.map(({ length }) => length)).toEqual(sequences.map(() => request.count));
      for (const [index, candidates] of found.entries()) {
        const expected = logprobsBehind(sequences[index]!, request, index);
        const best = [...expected].sort((a, b) => b - a).slice(0, request.count);
        const allowed = candidates.filter(({ logprob }) => logprob > Number.NEGATIVE_INFINITY);
        expect(allowed).toHaveLength(best.filter((logprob) => logprob > Number.NEGATIVE_INFINITY).length);
        expect(new Set(allowed.map(({ token }) => token)).size).toBe(allowed.length);
        for (const [place, { token, logprob }] of allowed.entries()) {
          expect(Math.abs(logprob - best[place]!)).toBeLessThan(2 * logitTolerance);
          expect(Math.abs(logprob - expected[token]!)).toBeLessThan(2 * logitTolerance);
        }
      }
    }

    test.each([1, 2, 4, 6, 7, nVocab])('gives the %i likeliest tokens behind branching sequences', async (count) => {
      await using audio = await encode(1);
      await using run = await audio.startDecoder();
      await append(run, prompt);
      const request = { ...plain, count };
      const step = { tokens: [[7], [8], [9]], parents: [0, 0, 0] };
      expectCandidates(
        await run.candidates(step, request),
        request,
        [7, 8, 9].map((token) => [1, [...prompt, token]]),
      );
      const next = await run.candidates({ tokens: [[40], [41], [42]], parents: [2, 0, 2] }, request);
      const tails = [
        [9, 40],
        [7, 41],
        [9, 42],
      ];
      expectCandidates(
        next,
        request,
        tails.map((tail) => [1, [...prompt, ...tail]]),
      );
    });

    test('gives them over several windows, of steps of several tokens, and beside steps that give logits', async () => {
      await using audio = await encode(1, 2);
      await using run = await audio.startDecoder();
      const other = [6, 251, 18];
      expectCandidates(await run.candidates({ tokens: [prompt, other] }, plain), plain, [
        [1, prompt],
        [2, other],
      ]);
      const { logits } = await run.forward({ tokens: [[7], [8], [9], [10]], parents: [0, 0, 1, 1] });
      expectTexts(logits, [
        [1, [...prompt, 7]],
        [1, [...prompt, 8]],
        [2, [...other, 9]],
        [2, [...other, 10]],
      ]);
      const step = { tokens: [[11], [12], [13], [14]], parents: [1, 1, 3, 2] };
      expectCandidates(await run.candidates(step, plain), plain, [
        [1, [...prompt, 8, 11]],
        [1, [...prompt, 8, 12]],
        [2, [...other, 10, 13]],
        [2, [...other, 9, 14]],
      ]);
    });

    test('leaves out what is suppressed, whichever mask the step before had', async () => {
      await using audio = await encode(1);
      await using run = await audio.startDecoder();
      await append(run, prompt);
      const tails = [[7], [8], [9]];
      const sequences = (behind: readonly number[]) =>
        tails.map((tail): [number, number[]] => [1, [...prompt, ...tail, ...behind]]);
      const first = await run.candidates({ tokens: tails, parents: [0, 0, 0] }, plain);
      for (const [i, token] of [30, 31, 32].entries()) {
        const request = { ...plain, suppress: mask(...first.flat().map((candidate) => candidate.token + i)) };
        const behind = [30, 31, 32].slice(0, i + 1);
        expectCandidates(
          await run.candidates({ tokens: tails.map(() => [token]) }, request),
          request,
          sequences(behind),
        );
      }
    });

    test('places timestamps by their rules, by each text for itself', async () => {
      await using audio = await encode(1);
      await using run = await audio.startDecoder();
      await append(run, prompt);
      const time = timestampBegin;
      const tails = [[time + 3], [time + 5], [17]];
      const request = { ...plain, suppress: mask(20, 21, 22) };
      const timed = (sequences: readonly (readonly number[])[]) => ({ ...request, timestamps: { rules, sequences } });
      const behind = tails.map((tail): [number, number[]] => [1, [...prompt, ...tail]]);
      const found = await run.candidates({ tokens: tails, parents: [0, 0, 0] }, timed(tails));
      expectCandidates(found, timed(tails), behind);
      const next = [
        [time + 3, 18],
        [time + 5, time + 9],
        [17, time + 20],
      ];
      const longer = next.map((tail): [number, number[]] => [1, [...prompt, ...tail]]);
      const after = await run.candidates({ tokens: next.map((tail) => tail.slice(-1)) }, timed(next));
      expectCandidates(after, timed(next), longer);
      // Only the first times of a text: fewer than are asked for.
      const few = {
        ...timed([[], [], []]),
        count: 6,
        timestamps: { rules: { ...rules, maxInitialIndex: 2 }, sequences: [[], [], []] },
      };
      const last = await run.candidates({ tokens: [[50], [51], [52]] }, few);
      expectCandidates(
        last,
        few,
        longer.map(([seed, text], i) => [seed, [...text, 50 + i]]),
      );
      for (const candidates of last)
        expect(candidates.filter(({ logprob }) => logprob > Number.NEGATIVE_INFINITY)).toHaveLength(3);
    });

    test('refuses what makes no sense, and lives on', async () => {
      await using audio = await encode(1);
      await using run = await audio.startDecoder();
      await append(run, prompt);
      const step = { tokens: [[7], [8]], parents: [0, 0] };
      for (const count of [0, -1, 1.5, nVocab + 1, Number.NaN])
        await expect(run.candidates(step, { ...plain, count }), String(count)).rejects.toThrow(/candidates/);
      await expect(run.candidates(step, { ...plain, suppress: new Float32Array(3) })).rejects.toThrow(/mask/);
      const sequences = [[7]];
      await expect(run.candidates(step, { ...plain, timestamps: { rules, sequences } })).rejects.toThrow(/sequences/);
      await expect(run.candidates({ ...step, parents: [0, 1] }, plain)).rejects.toThrow(/no sequence 1/);
      const reason = new Error('enough');
      await expect(run.candidates(step, plain, AbortSignal.abort(reason))).rejects.toBe(reason);
      const found = await run.candidates(step, plain);
      expectCandidates(found, plain, [
        [1, [...prompt, 7]],
        [1, [...prompt, 8]],
      ]);
    });
  });
}
