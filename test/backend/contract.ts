import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Backend, GreedyRequest } from '../../src/backend/backend.ts';
import { logSumExp } from '../../src/logits/log-softmax.ts';
import { rowsOf } from '../../src/logits/rows.ts';
import type { ModelDimensions } from '../../src/model/dimensions.ts';
import { append, greedyAlone } from '../support/append.ts';
import { expectClose } from '../support/compare.ts';
import { randomValues } from '../support/random-checkpoint.ts';
import {
  greedyText,
  type ReferenceDecoder,
  type ReferenceText,
  type ReferenceWhisper,
} from '../support/reference-whisper.ts';
import { candidatesContract, type SeededText } from './contract-candidates.ts';

/** A model for the contract: quick, and yet large enough for a window's memory (400 kB) to show where it is lost. */
export const contractDimensions: ModelDimensions = {
  nMels: 8,
  nAudioCtx: 200,
  nAudioState: 64,
  nAudioHead: 2,
  nAudioLayer: 1,
  nTextCtx: 200,
  nTextState: 64,
  nTextHead: 4,
  nTextLayer: 4,
  nVocab: 300,
};

/** Fields of its generation_config.json: where the kinds of its tokens begin. */
export const contractGeneration = { eos_token_id: 240, no_timestamps_token_id: 259 };

export interface BackendUnderTest {
  readonly backend: Backend;
  /** Of the same model. */
  readonly reference: ReferenceWhisper;
}

/** What a backend under test is to give attention of. */
export const alignmentHeads = [
  [1, 3],
  [3, 0],
] as const;

const noToken = -1;
const logitTolerance = 1e-3;

/**
 * What callers may expect of every backend, as tests.
 *
 * @param open loads a model of `contractDimensions` anew
 */
export function backendContract(name: string, open: () => Promise<BackendUnderTest>): void {
  describe(`${name}, as every backend,`, () => {
    let backend: Backend;
    let reference: ReferenceWhisper;
    const decoders = new Map<number, ReferenceDecoder>();
    beforeAll(async () => {
      ({ backend, reference } = await open());
    });
    afterAll(() => backend[Symbol.asyncDispose]());

    const { nAudioCtx, nMels, nTextCtx, nTextLayer, nTextState, nVocab } = contractDimensions;
    const logMel = (seed: number) => randomValues(nMels * 2 * nAudioCtx, seed);
    const encode = (seed: number, signal?: AbortSignal) => backend.encode([logMel(seed)], signal);
    const decoderOf = (seed: number): ReferenceDecoder => {
      const decoder = decoders.get(seed) ?? remembering(reference.decoder(reference.encode(logMel(seed))));
      decoders.set(seed, decoder);
      return decoder;
    };
    const mask = (...tokens: number[]) => {
      const values = new Float32Array(nVocab);
      for (const token of tokens) values[token] = Number.NEGATIVE_INFINITY;
      return values;
    };
    const prompt = [5, 250, 17];
    const request = (changes: Partial<GreedyRequest> = {}): GreedyRequest => ({
      prompts: [prompt],
      beginSuppress: mask(),
      suppress: mask(),
      stopToken: noToken,
      maxTokens: 8,
      ...changes,
    });
    const expected = (seed: number, changes: Partial<GreedyRequest> = {}) =>
      greedyText(decoderOf(seed), request(changes));
    async function greedy(seed: number, changes: Partial<GreedyRequest> = {}) {
      await using audio = await encode(seed);
      await using run = await audio.startDecoder();
      return await greedyAlone(run, request(changes));
    }

    test('says what it runs on and which model', () => {
      expect(backend.device).not.toBe('');
      expect(backend.dimensions).toEqual(contractDimensions);
    });

    test("gives the encoder's output for comparison", async () => {
      await using audio = await encode(1);
      expectClose(await audio.encoderOutput(), reference.encode(logMel(1)).flat(), logitTolerance);
    });

    test('gives the logits of the last token after a prefill and after each step', async () => {
      const text = [...prompt, 99, 3, 180];
      const { logits } = decoderOf(1)(text);
      await using audio = await encode(1);
      await using run = await audio.startDecoder();
      expectClose(await append(run, prompt), logits[prompt.length - 1]!, logitTolerance);
      for (const [i, token] of text.entries())
        if (i >= prompt.length) expectClose(await append(run, [token]), logits[i]!, logitTolerance);
    });

    test('keeps the logits it gave before', async () => {
      await using audio = await encode(1);
      await using run = await audio.startDecoder();
      const first = await append(run, prompt);
      const copy = first.slice();
      await append(run, [7]);
      expect(first).toEqual(copy);
    });

    test('decodes greedily, with the log-probability of each token', async () => {
      const { tokens, logprobs } = await greedy(1);
      expect(tokens).toEqual(expected(1).tokens);
      expectClose(logprobs, expected(1).logprobs, 0.01);
    });

    test('says how far the log-probability of each token may be from what a step over all of them gives', async () => {
      const { tokens, logprobs, logprobErrors } = await greedy(1);
      await using audio = await encode(1);
      await using run = await audio.startDecoder();
      const step = { tokens: [[...prompt, ...tokens.slice(0, -1)]], logitsFrom: prompt.length - 1 };
      const [rows = []] = rowsOf((await run.forward(step)).logits, nVocab, 1);
      expect(logprobErrors).toHaveLength(tokens.length);
      for (const [i, row] of rows.entries()) {
        const exact = row[tokens[i]!]! - logSumExp(row);
        expect(Math.abs(logprobs[i]! - exact)).toBeLessThanOrEqual(logprobErrors[i]! + 5e-3);
      }
    });

    test('lets one mask hold for the first token and another for the rest', async () => {
      const [first = 0, second = 0, third = 0] = expected(1).tokens;
      for (const masks of [
        { beginSuppress: mask(first) },
        { suppress: mask(second, third) },
        { beginSuppress: mask(first), suppress: mask(first, second) },
      ]) {
        const wanted = expected(1, masks);
        expect(wanted.tokens).not.toEqual(expected(1).tokens);
        const { tokens, logprobs } = await greedy(1, masks);
        expect(tokens).toEqual(wanted.tokens);
        expectClose(logprobs, wanted.logprobs, 0.01);
      }
    });

    describe('with timestamps', () => {
      const timestampBegin = 260;
      const rules = { eot: 240, noTimestamps: 245, timestampBegin, maxInitialIndex: 20 };
      const isTimestamp = (token: number) => token >= timestampBegin;

      test.each([
        ['the beginning of a text', []],
        ['a first time', [timestampBegin + 3]],
        ['text', [timestampBegin + 3, 17]],
        ['a time that ends a stretch', [timestampBegin + 3, 17, timestampBegin + 9]],
      ])('decodes greedily behind %s by their rules, with the log-probability of each token', async (_, text) => {
        const changes = { timestamps: { rules, sequences: [text] }, prompts: [[...prompt, ...text]], maxTokens: 12 };
        const wanted = expected(1, changes);
        expect(wanted.tokens.some(isTimestamp)).toBe(true);
        expect(wanted.tokens.every(isTimestamp)).toBe(false);
        const { tokens, logprobs } = await greedy(1, changes);
        expect(tokens).toEqual(wanted.tokens);
        expectClose(logprobs, wanted.logprobs, 0.01);
      });

      test('lets masks hold as well, and stops behind the stop token', async () => {
        const text = [timestampBegin + 3, 17];
        const changes = { timestamps: { rules, sequences: [text] }, prompts: [[...prompt, ...text]], maxTokens: 12 };
        const [first = 0, second = 0] = expected(1, changes).tokens;
        const masked = { ...changes, beginSuppress: mask(first), suppress: mask(second) };
        const wanted = expected(1, masked);
        expect((await greedy(1, masked)).tokens).toEqual(wanted.tokens);
        const stopToken = wanted.tokens[5] ?? noToken;
        const stopped = await greedy(1, { ...masked, stopToken });
        expect(stopped.tokens).toEqual(wanted.tokens.slice(0, wanted.tokens.indexOf(stopToken) + 1));
      });
    });

    test('stops behind the stop token', async () => {
      const stopToken = expected(1).tokens[5] ?? noToken;
      const { tokens, logprobs } = await greedy(1, { stopToken });
      expect(tokens).toEqual(expected(1, { stopToken }).tokens);
      expect(tokens.at(-1)).toBe(stopToken);
      expect(logprobs).toHaveLength(tokens.length);
    });

    test.each([1, 2, 7])('stops after %i tokens when that is the limit', async (maxTokens) => {
      const { tokens, logprobs } = await greedy(1, { maxTokens });
      expect(tokens).toEqual(expected(1).tokens.slice(0, maxTokens));
      expect(logprobs).toHaveLength(maxTokens);
    });

    test('times its steps where that is asked for: each token is in a batch, and no batch takes no time', async () => {
      const timed = async (changes: Partial<GreedyRequest>) => {
        await using audio = await encode(1);
        await using run = await audio.startDecoder();
        const result = await run.greedy(request(changes));
        return { tokens: result.sequences[0]?.tokens ?? [], ...result };
      };
      expect(await timed({})).not.toHaveProperty('batches');
      for (const maxTokens of [1, 20]) {
        const { tokens, batches = [] } = await timed({ maxTokens, timed: true });
        expect(batches.reduce((sum, { steps }) => sum + steps, 0)).toBe(tokens.length);
        for (const { elapsedMs } of batches) expect(elapsedMs).toBeGreaterThan(0);
      }
      // Steps that were queued behind the stop token are counted too.
      const stopToken = expected(1).tokens[1] ?? noToken;
      const { tokens, batches = [] } = await timed({ maxTokens: 20, stopToken, timed: true });
      expect(batches.reduce((sum, { steps }) => sum + steps, 0)).toBeGreaterThanOrEqual(tokens.length);
    });

    test('fills the whole text context', async () => {
      const maxTokens = nTextCtx - prompt.length + 1; // the last one needs no place of its own
      expect((await greedy(1, { maxTokens })).tokens).toHaveLength(maxTokens);
    });

    test('goes on from tokens that were appended before', async () => {
      await using audio = await encode(1);
      await using run = await audio.startDecoder();
      await append(run, [5]);
      await append(run, [250]);
      expect((await greedyAlone(run, request({ prompts: [[17]] }))).tokens).toEqual(expected(1).tokens);
    });

    test('gives the same for a window whatever came between', async () => {
      const first = await greedy(1);
      const other = await greedy(2);
      expect(other.tokens).toEqual(expected(2).tokens);
      expect(other.tokens).not.toEqual(first.tokens);
      expect(await greedy(1)).toEqual(first);
    });

    test('starts every text over an audio from nothing', async () => {
      await using audio = await encode(1);
      for (let text = 0; text < 2; text++) {
        await using run = await audio.startDecoder();
        expect((await greedyAlone(run, request())).tokens).toEqual(expected(1).tokens);
      }
    });

    test('holds two windows and their sequences apart', async () => {
      await using first = await encode(1);
      await using second = await encode(2);
      await using firstRun = await first.startDecoder();
      await using secondRun = await second.startDecoder();
      await append(firstRun, [5]);
      await append(secondRun, [5, 250]);
      await append(firstRun, [250]);
      const sequences = [firstRun, secondRun].map((run) => greedyAlone(run, request({ prompts: [[17]] })));
      const [a, b] = await Promise.all(sequences);
      expect(a?.tokens).toEqual(expected(1).tokens);
      expect(b?.tokens).toEqual(expected(2).tokens);
    });

    test('takes calls in their order from those who do not wait for the answers', async () => {
      await using audio = await encode(1);
      await using run = await audio.startDecoder();
      const calls = [append(run, [5]), append(run, [250]), greedyAlone(run, request({ prompts: [[17]] }))] as const;
      const [first, , text] = await Promise.all(calls);
      expectClose(first, decoderOf(1)([5]).logits[0]!, logitTolerance);
      expect(text.tokens).toEqual(expected(1).tokens);
    });

    test('rejects what is aborted beforehand, with the reason', async () => {
      const reason = new Error('enough');
      const signal = AbortSignal.abort(reason);
      await using audio = await encode(1);
      await using run = await audio.startDecoder();
      await expect(encode(1, signal)).rejects.toBe(reason);
      await expect(append(run, [5], signal)).rejects.toBe(reason);
      await expect(greedyAlone(run, request(), signal)).rejects.toBe(reason);
    });

    test.each(['encode', 'forward', 'greedy'] as const)(
      'rejects %s when it is aborted under way, and lives on',
      async (call) => {
        await using audio = await encode(1);
        await using run = await audio.startDecoder();
        const aborter = new AbortController();
        const calls = {
          encode: () => encode(2, aborter.signal),
          forward: () => append(run, prompt, aborter.signal),
          greedy: () => greedyAlone(run, request(), aborter.signal),
        };
        const rejection = expect(calls[call]()).rejects.toThrow('enough');
        aborter.abort(new Error('enough'));
        await rejection;
        expect((await greedy(1)).tokens).toEqual(expected(1).tokens);
      },
    );

    test('does not finish an aborted text first', async () => {
      await using audio = await encode(1);
      const fillContext = request({ maxTokens: nTextCtx - prompt.length + 1 });
      await using whole = await audio.startDecoder();
      await greedyAlone(whole, fillContext);
      await expect(append(whole, [5])).rejects.toThrow(/tokens exceed/);
      await using run = await audio.startDecoder();
      const aborter = new AbortController();
      const rejection = expect(greedyAlone(run, fillContext, aborter.signal)).rejects.toThrow('enough');
      aborter.abort(new Error('enough'));
      await rejection;
      await append(run, [5]); // there is room
    });

    test('passes on what goes wrong inside, and lives on', async () => {
      await using audio = await encode(1);
      await using run = await audio.startDecoder();
      await expect(append(run, Array(nTextCtx + 1).fill(5))).rejects.toThrow(/tokens exceed/);
      await expect(append(run, [nVocab])).rejects.toThrow();
      await expect(append(run, [])).rejects.toThrow();
      await expect(greedyAlone(run, request({ prompts: [[]] }))).rejects.toThrow();
      await expect(greedyAlone(run, request({ maxTokens: nTextCtx }))).rejects.toThrow(/tokens exceed/);
      await expect(backend.encode([new Float32Array(10)])).rejects.toThrow();
      expect((await greedy(1)).tokens).toEqual(expected(1).tokens);
    });

    test('leaves a text as it was when tokens cannot be appended', async () => {
      await using audio = await encode(1);
      await using run = await audio.startDecoder();
      await append(run, prompt.slice(0, 2));
      await expect(append(run, Array(nTextCtx).fill(5))).rejects.toThrow();
      expect((await greedyAlone(run, request({ prompts: [[17]] }))).tokens).toEqual(expected(1).tokens);
    });

    test('rejects what is asked of a text or an audio that was disposed of', async () => {
      const audio = await encode(1);
      const run = await audio.startDecoder();
      await run[Symbol.asyncDispose]();
      await expect(append(run, [5])).rejects.toThrow();
      await expect(greedyAlone(run, request())).rejects.toThrow();
      await audio[Symbol.asyncDispose]();
      await expect(audio.startDecoder()).rejects.toThrow();
      await expect(audio.encoderOutput()).rejects.toThrow();
    });

    test('lets no text outlive its audio, whose memory may be another window by then', async () => {
      const audio = await encode(1);
      await using run = await audio.startDecoder();
      await audio[Symbol.asyncDispose]();
      await expect(append(run, [5])).rejects.toThrow();
    });

    test('rejects everything once it is disposed of itself, what is under way included', async () => {
      const { backend: other } = await open();
      const audio = await other.encode([logMel(1)]);
      const run = await audio.startDecoder();
      const underWay = expect(greedyAlone(run, request({ maxTokens: nTextCtx - prompt.length }))).rejects.toThrow();
      await other[Symbol.asyncDispose]();
      await underWay;
      await expect(other.encode([logMel(1)])).rejects.toThrow();
      await expect(audio.startDecoder()).rejects.toThrow();
      await expect(append(run, [5])).rejects.toThrow();
      await other[Symbol.asyncDispose]();
    });

    describe('with several sequences', () => {
      const { nTextHead } = contractDimensions;
      const logitsOf = (seed: number, text: readonly number[]) => decoderOf(seed)(text).logits.at(-1) ?? [];
      const expectTexts = (logits: Float32Array, sequences: readonly SeededText[]) =>
        expectClose(
          logits,
          sequences.flatMap(([seed, text]) => [...logitsOf(seed, text)]),
          logitTolerance,
        );

      test('gives the logits behind several tokens of a step', async () => {
        await using audio = await encode(1);
        await using run = await audio.startDecoder();
        const text = [...prompt, 99, 3];
        const { logits } = await run.forward({ tokens: [text], logitsFrom: 2 });
        expectTexts(
          logits,
          [3, 2, 1].map((missing) => [1, text.slice(0, text.length + 1 - missing)]),
        );
        const next = await run.forward({ tokens: [[8]], logitsFrom: 0 });
        expectTexts(next.logits, [[1, [...text, 8]]]);
      });

      test('branches a text, goes on from some branches and drops others', async () => {
        await using audio = await encode(1);
        await using run = await audio.startDecoder();
        await append(run, prompt);
        const first = await run.forward({ tokens: [[7], [8], [9]], parents: [0, 0, 0] });
        expectTexts(
          first.logits,
          [7, 8, 9].map((token) => [1, [...prompt, token]]),
        );
        const second = await run.forward({ tokens: [[40], [41], [42]], parents: [2, 0, 2] });
        const sequences = [
          [9, 40],
          [7, 41],
          [9, 42],
        ].map((tail) => [...prompt, ...tail]);
        expectTexts(
          second.logits,
          sequences.map((text) => [1, text]),
        );
        const third = await run.forward({
          tokens: [
            [5, 6],
            [7, 8],
          ],
          parents: [1, 1],
          logitsFrom: 0,
        });
        const tails = [[5], [5, 6], [7], [7, 8]];
        expectTexts(
          third.logits,
          tails.map((tail) => [1, [...prompt, 7, 41, ...tail]]),
        );
      });

      test('branches as far as the text context goes', async () => {
        await using audio = await encode(1);
        await using run = await audio.startDecoder();
        const long = Array.from({ length: nTextCtx - 3 }, (_, i) => (i * 7) % nVocab);
        await append(run, long);
        await run.forward({ tokens: [[1], [2]], parents: [0, 0] });
        await run.forward({ tokens: [[3], [4]] });
        const { logits } = await run.forward({ tokens: [[5], [6]], parents: [1, 0] });
        expectTexts(logits, [
          [1, [...long, 2, 4, 5]],
          [1, [...long, 1, 3, 6]],
        ]);
        await expect(run.forward({ tokens: [[7], [8]] })).rejects.toThrow(/tokens exceed/);
      });

      candidatesContract({
        ...{ nVocab, logitTolerance, prompt, logitsOf, expectTexts, mask },
        encode: (...seeds) => backend.encode(seeds.map(logMel)),
      });

      test('decodes over several windows at once what it decodes over each', async () => {
        await using audio = await backend.encode([logMel(1), logMel(2)]);
        await using run = await audio.startDecoder();
        const first = await run.forward({ tokens: [prompt, [6, 251, 18]] });
        expectTexts(first.logits, [
          [1, prompt],
          [2, [6, 251, 18]],
        ]);
        const second = await run.forward({ tokens: [[7], [8], [9], [10]], parents: [0, 0, 1, 1] });
        expectTexts(second.logits, [
          [1, [...prompt, 7]],
          [1, [...prompt, 8]],
          [2, [6, 251, 18, 9]],
          [2, [6, 251, 18, 10]],
        ]);
        const third = await run.forward({ tokens: [[11], [12], [13], [14]], parents: [1, 1, 3, 2] });
        expectTexts(third.logits, [
          [1, [...prompt, 8, 11]],
          [1, [...prompt, 8, 12]],
          [2, [6, 251, 18, 10, 13]],
          [2, [6, 251, 18, 9, 14]],
        ]);
      });

      test('begins a text over one window of several', async () => {
        await using audio = await backend.encode([logMel(1), logMel(2)]);
        await using run = await audio.startDecoder(1);
        expect((await greedyAlone(run, request())).tokens).toEqual(expected(2).tokens);
        expectClose(await audio.encoderOutput(1), reference.encode(logMel(2)).flat(), logitTolerance);
        await expect(audio.startDecoder(2)).rejects.toThrow(/no window 2/);
        await expect(audio.encoderOutput(2)).rejects.toThrow(/no window 2/);
      });

      const timestampRules = { eot: 240, noTimestamps: 245, timestampBegin: 260, maxInitialIndex: 20 };
      const starts = [prompt, [6, 251, 18], [9, 8, 7]];
      test.each([
        ['two windows', starts.slice(0, 2), false],
        ['two windows with timestamps', starts.slice(0, 2), true],
        ['three windows', starts, false],
        ['three windows with timestamps', starts, true],
        ['windows whose prompts differ in length', [[5], [6, 251, 18, 30, 31, 32], [9, 8]], true],
      ])('decodes %s together until each text has ended, and goes on from there', async (_, prompts, hasRules) => {
        const windows = prompts.map((__, window) => window);
        const timestamps = {
          rules: timestampRules,
          sequences: windows.map((window) => (window === 1 ? [263, 17] : [])),
        };
        const changes = { prompts, maxTokens: 12, ...(hasRules ? { timestamps } : {}) };
        const free = windows.map((window) => greedyText(decoderOf(window + 1), request(changes), window).tokens);
        const stopToken = free[0]?.[4] ?? noToken; // so that one ends before the others
        const wanted = windows.map((window) =>
          greedyText(decoderOf(window + 1), request({ ...changes, stopToken }), window),
        );
        await using audio = await backend.encode(windows.map((window) => logMel(window + 1)));
        await using run = await audio.startDecoder();
        const { sequences } = await run.greedy(request({ ...changes, stopToken }));
        expect(sequences.map(({ tokens }) => tokens)).toEqual(wanted.map(({ tokens }) => tokens));
        for (const [window, { logprobs }] of sequences.entries()) expectClose(logprobs, wanted[window]!.logprobs, 0.01);
        const lengths = sequences.map(({ tokens }) => tokens.length);
        expect(Math.min(...lengths)).toBeLessThan(Math.max(...lengths));
        const next = sequences.map(({ tokens }) => [tokens.at(-1)!, 44]);
        const { logits } = await run.forward({ tokens: next });
        expectTexts(
          logits,
          windows.map((window) => [window + 1, [...prompts[window]!, ...sequences[window]!.tokens, 44]]),
        );
      });

      test('says how likely some tokens are behind each text, and takes the last token of each away again', async () => {
        await using audio = await backend.encode([logMel(1), logMel(2)]);
        await using run = await audio.startDecoder();
        const asked = [7, 251, 299, 0];
        const expectAsked = async (tokens: readonly number[][], sequences: readonly number[][]) => {
          const logprobs = await run.nextLogprobs(tokens, asked);
          const said = sequences.flatMap((text, window) => {
            const row = Float32Array.from(logitsOf(window + 1, text));
            return asked.map((token) => row[token]! - logSumExp(row));
          });
          expectClose(logprobs, said, logitTolerance);
        };
        await expectAsked([[5], [6]], [[5], [6]]);
        await expectAsked([prompt, [6, 251, 18]], [prompt, [6, 251, 18]]);
        const sequences = [
          [...prompt.slice(0, -1), 20, 21, 22, 23],
          [6, 251, 30, 31, 32, 33],
        ];
        await expectAsked(
          sequences.map((text) => text.slice(2)),
          sequences,
        );
        const { logits } = await run.forward({ tokens: [[40], [41]] });
        expectTexts(
          logits,
          sequences.map((text, window) => [window + 1, [...text.slice(0, -1), 40 + window]]),
        );
      });

      test('gives the scores of the alignment heads, for all tokens of a step and after others', async () => {
        await using audio = await encode(1);
        await using run = await audio.startDecoder();
        const text = [...prompt, 99, 3, 180];
        const { scores, logits: rows } = decoderOf(1)(text);
        const wanted = alignmentHeads.map(([layer, head]) => scores[layer]![head]!);
        const { attention, logits } = await run.forward({ tokens: [text.slice(0, 5)], attention: true, logitsFrom: 0 });
        expectClose(
          attention ?? [],
          wanted.flatMap((ofHead) => ofHead.slice(0, 5).flat()),
          logitTolerance,
        );
        expectClose(logits, rows.slice(0, 5).flat(), logitTolerance);
        const after = await run.forward({ tokens: [[180]], attention: true });
        expectClose(
          after.attention ?? [],
          wanted.flatMap((ofHead) => ofHead[5]!),
          logitTolerance,
        );
        expect(alignmentHeads.every(([, head]) => head < nTextHead)).toBe(true);
      });

      test('refuses steps that make no sense, and lives on', async () => {
        await using audio = await backend.encode([logMel(1), logMel(2)]);
        await using run = await audio.startDecoder();
        for (const step of [
          { tokens: [[1]] }, // two windows, one text
          { tokens: [[1], [2]], parents: [1, 0] }, // not in the windows' order
          { tokens: [[1], [2, 3]] },
          { tokens: [[1], [2]], parents: [0, 2] },
          { tokens: [] },
          ...[-1, 2, 0.5, Number.NaN].map((logitsFrom) => ({ tokens: [prompt.slice(0, 2), [1, 2]], logitsFrom })),
        ]) {
          await expect(run.forward(step), JSON.stringify(step)).rejects.toThrow();
        }
        await expect(greedyAlone(run, request())).rejects.toThrow();
        const { logits } = await run.forward({ tokens: [prompt, prompt] });
        expectTexts(logits, [
          [1, prompt],
          [2, prompt],
        ]);
      });
    });

    const windowBytes = nAudioCtx * nTextState * 2 * nTextLayer * Float32Array.BYTES_PER_ELEMENT;
    /** How many windows' worth of memory 200 rounds cost, after as many that fill pools and heaps. */
    async function windowsLost(round: () => Promise<void>): Promise<number> {
      for (let i = 0; i < 200; i++) await round();
      const before = process.memoryUsage.rss();
      for (let i = 0; i < 200; i++) await round();
      return (process.memoryUsage.rss() - before) / windowBytes;
    }

    test('uses the memory of a disposed window and text again', async () => {
      const transcribe = async () => {
        await using audio = await encode(1);
        await using run = await audio.startDecoder();
        await append(run, prompt);
      };
      expect(await windowsLost(transcribe)).toBeLessThan(100);
    });

    test('loses no memory to an aborted encoding', async () => {
      const abort = async () => {
        const aborter = new AbortController();
        const encoding = encode(1, aborter.signal).catch(() => undefined);
        aborter.abort();
        await encoding;
      };
      expect(await windowsLost(abort)).toBeLessThan(100);
    });
  });
}

/** Many tests decode the same sequences, and the reference takes its time. */
function remembering(decode: ReferenceDecoder): ReferenceDecoder {
  const known = new Map<string, ReferenceText>();
  return (tokens) => {
    const text = known.get(String(tokens)) ?? decode(tokens);
    known.set(String(tokens), text);
    return text;
  };
}
