import { cp, mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Backend, DecoderRun, Step } from '../../../src/backend/backend.ts';
import { likeliestCandidates } from '../../../src/logits/candidates.ts';
import { greedyAlone } from '../../support/append.ts';
import { expectClose } from '../../support/compare.ts';
import { convertWithStandIn, hasStandIn, openOnStandIn } from '../../support/npu-stand-in.ts';
import {
  smallDimensions as dimensions,
  randomValues,
  smallGeneration,
  type Weights,
  writeRandomCheckpoint,
} from '../../support/random-checkpoint.ts';
import { greedyText, type ReferenceDecoder, referenceWhisper } from '../../support/reference-whisper.ts';

const { nAudioCtx, nMels, nTextCtx, nVocab } = dimensions;
const alignmentHeads = [
  [0, 2],
  [2, 1],
] as const;
const logMel = (window: number) => randomValues(nMels * 2 * nAudioCtx, window + 1);
const noMask = new Float32Array(nVocab);

/** What becomes of the sequences, drawn ahead: `picks` are taken as parents and tokens as they come. */
const plannedStep = fc.record({
  textsPerWindow: fc.integer({ min: 1, max: 4 }),
  width: fc.integer({ min: 1, max: 4 }),
  logitsFrom: fc.nat(3),
  attention: fc.nat(3),
  /** Zero asks for candidates. */
  candidates: fc.nat(2),
  picks: fc.array(fc.nat(9999), { minLength: 64, maxLength: 64 }),
});
const walk = fc.record({
  windows: fc.integer({ min: 1, max: 4 }),
  only: fc.option(fc.nat(3)),
  steps: fc.array(plannedStep, { minLength: 1, maxLength: 7 }),
});

describe.skipIf(!hasStandIn)('any steps on the stand-in for CANN give what Whisper says', () => {
  let root: string;
  let all: string;
  let weights: Weights;
  let decoders: ReferenceDecoder[];
  beforeAll(async () => {
    root = await mkdtemp(join(tmpdir(), 'whisper-npu-steps-'));
    const checkpoint = join(root, 'checkpoint');
    const generation = { alignment_heads: alignmentHeads, ...smallGeneration };
    weights = await writeRandomCheckpoint(checkpoint, { dimensions, generation });
    all = await convertWithStandIn(checkpoint, root, 'f32', { beams: 2, windows: 2, wordTimes: true });
    const reference = referenceWhisper(dimensions, weights);
    decoders = [0, 1, 2, 3].map((window) => reference.decoder(reference.encode(logMel(window))));
  });
  afterAll(() => rm(root, { recursive: true }));

  /** The folder with only those OM files. */
  async function folderOf(wanted: RegExp): Promise<string> {
    const folder = await mkdtemp(join(root, 'om-'));
    for (const file of await readdir(all))
      if (file === 'weight' || wanted.test(file)) await cp(join(all, file), join(folder, file), { recursive: true });
    return folder;
  }

  const singleTexts = /^(encoder|decoder-\d+)\.om$/;
  const sets: [string, RegExp, { inPlaceRows?: boolean; queuedSteps?: number }][] = [
    ['the graphs for single sequences alone', singleTexts, {}],
    ['steps of one token alone', /^(encoder|decoder-1)\.om$/, { queuedSteps: 1 }],
    ['those for long prompts too', /^(encoder|decoder-\d+|rows-14-1-14)\.om$/, {}],
    ['those for beams too', /^(encoder|decoder-\d+|rows-2-1-21-4)\.om$/, {}],
    ['those for windows too', /^(encoder|decoder-\d+|rows-4-2-21-4)\.om$/, {}],
    ['that for greedy decoding', /^(encoder|decoder-\d+|greedy-.*)\.om$/, {}],
    ['all', /\.om$/, {}],
    ['all, rows copied into the cache', /\.om$/, { inPlaceRows: false }],
  ];

  test('all kinds of OM files are there', async () => {
    const names = [
      ...['encoder', 'decoder-1', 'decoder-4', 'greedy-1-14-30-34'],
      ...['rows-14-1-14', 'rows-2-1-21-4', 'rows-4-2-21-4', 'aligner-14'],
    ];
    expect((await readdir(all)).filter((file) => file.endsWith('.om')).sort()).toEqual(
      names.map((name) => `${name}.om`).sort(),
    );
  });

  test.each(sets)('with %s', async (_, wanted, options) => {
    await using backend = await openOnStandIn(await folderOf(wanted), dimensions, options);
    const aligns = wanted.test('aligner-14.om');
    await fc.assert(
      fc.asyncProperty(walk, async ({ windows, only, steps }) => {
        await using audio = await backend.encode(Array.from({ length: windows }, (_, window) => logMel(window)));
        const window = only === null ? undefined : only % windows;
        await using run = await audio.startDecoder(window);
        const over = window === undefined ? Array.from({ length: windows }, (_, i) => i) : [window];
        let sequences = over.map((): readonly number[] => []);
        for (const planned of steps) {
          const { step, after } = stepOf(planned, sequences, over.length, aligns);
          if ((after[0]?.length ?? 0) > nTextCtx) {
            await expect(run.forward(step)).rejects.toThrow(/tokens exceed/);
            continue;
          }
          sequences = after;
          if (planned.candidates === 0) await expectCandidates(run, step, sequences, over);
          else await expectStep(run, step, sequences, over);
        }
        if (over.length > 1 || (sequences[0]?.length ?? 0) >= nTextCtx - 4) return;
        // Greedy decoding is of one text over each window: the others end here.
        await run.forward({ tokens: [[8]] });
        await expectGreedy(run, [...(sequences[0] ?? []), 8], over[0]!);
      }),
      { numRuns: 40, seed: 7 },
    );
  });

  function stepOf(
    {
      textsPerWindow,
      width,
      logitsFrom,
      attention,
      picks,
    }: typeof plannedStep extends fc.Arbitrary<infer T> ? T : never,
    sequences: readonly (readonly number[])[],
    windows: number,
    aligns: boolean,
  ): { step: Step; after: number[][] } {
    const before = sequences.length / windows;
    const pick = (i: number, below: number) => (picks[i % picks.length] ?? 0) % below;
    const count = textsPerWindow * windows;
    const parents = Array.from({ length: count }, (_, i) => Math.floor(i / textsPerWindow) * before + pick(i, before));
    const tokens = parents.map((_, i) => Array.from({ length: width }, (_, j) => pick(17 + 5 * i + j, nVocab)));
    return {
      step: {
        tokens,
        parents,
        logitsFrom: logitsFrom % width,
        ...(aligns && attention === 0 ? { attention: true } : {}),
      },
      after: parents.map((source, i) => [...(sequences[source] ?? []), ...(tokens[i] ?? [])]),
    };
  }

  async function expectStep(
    run: DecoderRun,
    step: Step,
    sequences: readonly (readonly number[])[],
    over: readonly number[],
  ) {
    const width = step.tokens[0]?.length ?? 0;
    const said = sequences.map((text, i) => decoders[over[Math.floor((i * over.length) / sequences.length)]!]!(text));
    const { logits, attention } = await run.forward(step);
    const from = (step.logitsFrom ?? 0) - width;
    expectClose(
      logits,
      said.flatMap((text) => text.logits.slice(from).flat()),
      1e-3,
    );
    if (!step.attention) return expect(attention).toBeUndefined();
    const scores = said.flatMap((text) =>
      alignmentHeads.map(([layer, head]) => text.scores[layer]![head]!.slice(-width)),
    );
    expectClose(attention ?? [], scores.flat(2), 1e-3);
  }

  async function expectCandidates(
    run: DecoderRun,
    { tokens, parents = [] }: Step,
    sequences: readonly (readonly number[])[],
    over: readonly number[],
  ) {
    const suppress = noMask.slice();
    suppress[tokens[0]![0]!] = Number.NEGATIVE_INFINITY;
    const found = await run.candidates({ tokens, parents }, { count: 3, suppress });
    const said = sequences.map((text, i) => decoders[over[Math.floor((i * over.length) / sequences.length)]!]!(text));
    const best = said.map(({ logits }) => likeliestCandidates(Float32Array.from(logits.at(-1)!), 3, { suppress }));
    expectClose(
      found.flat().map(({ logprob }) => logprob),
      best.flat().map(({ logprob }) => logprob),
      1e-3,
    );
  }

  async function expectGreedy(run: DecoderRun, text: readonly number[], window: number) {
    const request = { prompts: [[3, 5]], beginSuppress: noMask, suppress: noMask, stopToken: -1, maxTokens: 2 };
    const { tokens } = await greedyAlone(run, request);
    expect(tokens).toEqual(greedyText(decoders[window]!, { ...request, prompts: [[...text, 3, 5]] }).tokens);
    const { logits } = await run.forward({ tokens: [[9]] });
    expectClose(logits, decoders[window]!([...text, 3, 5, tokens[0]!, 9]).logits.at(-1)!, 1e-3);
  }

  test('with sequences over the same audio that go on at the same time', async () => {
    await using backend: Backend = await openOnStandIn(all, dimensions);
    await using audio = await backend.encode([0, 1, 2].map(logMel));
    await using both = await audio.startDecoder();
    await using last = await audio.startDecoder(2);
    await using first = await audio.startDecoder(0);
    for (let length = 1; length < 6; length++) {
      const text = (seed: number) => Array.from({ length }, (_, i) => (seed + i * 7) % nVocab);
      const next = (seed: number) => text(seed).slice(-1);
      const [a, b, c] = await Promise.all([
        both.forward({ tokens: [next(1), next(2), next(3)] }),
        last.forward({ tokens: [next(4), next(4)], parents: [0, 0] }),
        first.forward({ tokens: [next(5)] }),
      ]);
      const said = (window: number, seed: number) => decoders[window]!(text(seed)).logits.at(-1)!;
      expectClose(a.logits, [said(0, 1), said(1, 2), said(2, 3)].flat(), 1e-3);
      expectClose(b.logits, [said(2, 4), said(2, 4)].flat(), 1e-3);
      expectClose(c.logits, said(0, 5), 1e-3);
    }
  });

  test('but for attention where no aligner was converted, which is refused with what to do', async () => {
    await using backend = await openOnStandIn(await folderOf(singleTexts), dimensions);
    await using audio = await backend.encode([logMel(0)]);
    await using run = await audio.startDecoder();
    await expect(run.forward({ tokens: [[1]], attention: true })).rejects.toMatchObject({
      code: 'NPU_MODEL_MISSING',
      hint: expect.stringContaining('--word-timestamps'),
    });
    expectClose((await run.forward({ tokens: [[1]] })).logits, decoders[0]!([1]).logits[0]!, 1e-3);
  });
});
