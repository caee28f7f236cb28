import { cp, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Backend, GreedyRequest } from '../../../src/backend/backend.ts';
import { inputsLayout } from '../../../src/backend/npu/row-inputs.ts';
import type { NpuVariants } from '../../../src/convert/npu-graphs.ts';
import { append, greedyAlone } from '../../support/append.ts';
import {
  convertWithStandIn,
  hasStandIn,
  openOnStandIn,
  startTrace,
  type TracedCall,
} from '../../support/npu-stand-in.ts';
import { randomValues, type Weights, writeRandomCheckpoint } from '../../support/random-checkpoint.ts';
import { referenceWhisper } from '../../support/reference-whisper.ts';
import { alignmentHeads, backendContract, contractGeneration, contractDimensions as dimensions } from '../contract.ts';

const noToken = -1;
const mask = new Float32Array(dimensions.nVocab);
const logMel = (seed: number) => randomValues(dimensions.nMels * 2 * dimensions.nAudioCtx, seed);
const request = (maxTokens: number): GreedyRequest => ({
  prompts: [[1, 2, 3, 4]],
  beginSuppress: mask,
  suppress: mask,
  stopToken: noToken,
  maxTokens,
});

describe.skipIf(!hasStandIn)('on the stand-in for CANN', () => {
  let root: string;
  let weights: Weights;
  const om: Record<string, string> = {};
  beforeAll(async () => {
    root = await mkdtemp(join(tmpdir(), 'whisper-npu-npu-'));
    weights = await writeRandomCheckpoint(join(root, 'checkpoint'), {
      dimensions,
      generation: { alignment_heads: alignmentHeads, ...contractGeneration },
    });
    for (const dtype of ['f32', 'f16'] as const) {
      const convert = (variants: NpuVariants) =>
        convertWithStandIn(join(root, 'checkpoint'), join(root, dtype), dtype, variants);
      await convert({ windows: 8 });
      om[dtype] = await convert({ beams: 3, windows: 2, wordTimes: true });
    }
  });
  afterAll(() => rm(root, { recursive: true }));

  backendContract('the NPU backend', async () => ({
    backend: await openOnStandIn(om['f32'] ?? '', dimensions),
    reference: referenceWhisper(dimensions, weights),
  }));

  async function tokensOf(backend: Backend, seed: number, maxTokens = 30): Promise<readonly number[]> {
    await using audio = await backend.encode([logMel(seed)]);
    await using run = await audio.startDecoder();
    return (await greedyAlone(run, request(maxTokens))).tokens;
  }

  test.each([
    ['rows copied into the cache', { inPlaceRows: false }],
    ['one step at a time', { queuedSteps: 1 }],
    ['both safe ways', { inPlaceRows: false, queuedSteps: 1 }],
    ['many steps at a time', { queuedSteps: 23 }],
  ])('gives the same tokens with %s', async (_, options) => {
    await using usual = await openOnStandIn(om['f32'] ?? '', dimensions);
    await using other = await openOnStandIn(om['f32'] ?? '', dimensions, options);
    expect(await tokensOf(other, 1)).toEqual(await tokensOf(usual, 1));
  });

  test('float16 stays close to float32', async () => {
    await using narrow = await openOnStandIn(om['f16'] ?? '', dimensions);
    await using wide = await openOnStandIn(om['f32'] ?? '', dimensions);
    const logits = async (backend: Backend) => {
      await using audio = await backend.encode([logMel(1)]);
      await using run = await audio.startDecoder();
      return append(run, [1, 2, 3, 4, 5]);
    };
    const [a, b] = [await logits(narrow), await logits(wide)];
    const largest = Math.max(...b.map(Math.abs));
    expect(Math.max(...a.map((value, i) => Math.abs(value - (b[i] ?? 0))))).toBeLessThan(0.02 * largest);
  });

  test('says that it is a stand-in and names no chip', async () => {
    await using backend = await openOnStandIn(om['f32'] ?? '', dimensions);
    expect(backend.device).toContain('stand-in');
    expect(backend.device).not.toContain('Ascend910');
  });

  test('refuses OM files of another model', async () => {
    const failure = openOnStandIn(om['f32'] ?? '', { ...dimensions, nVocab: dimensions.nVocab + 1 });
    await expect(failure).rejects.toMatchObject({ code: 'NPU_MODEL_MISMATCH' });
  });

  const created = /Create|Malloc|AddDatasetBuffer/;

  const rules = { eot: 240, noTimestamps: 245, timestampBegin: 260, maxInitialIndex: 20 };
  describe.each([
    ['a token', 1, false],
    ['a token where timestamps have their rules', 1, true],
    ['a token of each of eight windows', 8, false],
    ['a token of each of eight windows where timestamps have their rules', 8, true],
  ])('%s', (_, windows, hasRules) => {
    const queuedSteps = 8;
    const count = 60;
    const prompt = [2, 3, 4];
    let calls: TracedCall[];
    beforeAll(async () => {
      const readTrace = startTrace();
      const each = Array.from({ length: windows }, (__, window) => window);
      const timestamps = { rules, sequences: each.map(() => []) };
      const prompts = each.map(() => prompt);
      const asked = { ...request(count), prompts, ...(hasRules ? { timestamps } : {}) };
      await using backend = await openOnStandIn(om['f32'] ?? '', dimensions, { queuedSteps });
      const decode = async (seed: number) => {
        await using audio = await backend.encode(each.map((window) => logMel(seed + window)));
        await using run = await audio.startDecoder();
        const before = readTrace().length;
        await run.greedy(asked);
        return readTrace().slice(before);
      };
      await decode(1); // the graph is loaded and bound, and the masks come up
      calls = await decode(2);
    });
    const named = (...names: string[]) => calls.filter((call) => names.includes(call.function));
    const copies = (direction: string) => calls.filter((call) => call.direction === direction);
    const steps = prompt.length - 1 + count;

    test('costs one execution', () => {
      expect(named('aclmdlExecuteAsync')).toHaveLength(steps);
    });

    test('needs nothing from the host: the prompt comes up once, with what of the log may be seen', () => {
      const bytes = [64 * prompt.length * windows, 4 * dimensions.nTextCtx * windows];
      expect(copies('H2D').map((copy) => copy.bytes)).toEqual(bytes);
    });

    test('copies nothing on the device', () => {
      expect(copies('D2D')).toEqual([]);
    });

    test('creates no dataset, buffer or memory', () => {
      expect(calls.filter((call) => created.test(call.function))).toEqual([]);
    });

    test('is waited for and fetched together with the seven queued beside it, in 64 bytes for each window', () => {
      const fetches = copies('D2H');
      const waits = named('aclrtSynchronizeStreamWithTimeout', 'aclrtSynchronizeStream');
      expect(waits).toHaveLength(Math.ceil(steps / queuedSteps));
      expect(fetches).toHaveLength(waits.length);
      expect(fetches.reduce((sum, { bytes }) => sum + bytes, 0)).toBe(64 * count * windows);
    });
  });

  test.each([1, 8])(
    'a question about tokens behind each of %i sequences costs one execution and a few numbers',
    async (windows) => {
      const readTrace = startTrace();
      const each = Array.from({ length: windows }, (_, window) => window);
      const prompts = each.map(() => [1]);
      const of = [250, 251, 255];
      await using backend = await openOnStandIn(om['f32'] ?? '', dimensions);
      await using audio = await backend.encode(each.map(logMel));
      await using run = await audio.startDecoder();
      await run.nextLogprobs(prompts, of);
      const before = readTrace().length;
      await run.nextLogprobs(prompts, of);
      const calls = readTrace().slice(before);
      const down = calls.filter(({ direction }) => direction === 'D2H').reduce((sum, { bytes }) => sum + bytes, 0);
      expect(calls.filter((call) => call.function === 'aclmdlExecuteAsync')).toHaveLength(1);
      expect(calls.filter((call) => /^aclrtSynchronizeStream/.test(call.function))).toHaveLength(1);
      expect(down / windows).toBeLessThan(64 + 6 * 4 + 64); // a slot, the logits from the first to the last, and up to there
    },
  );

  test('a long prompt costs an execution for every 64 tokens, and one for its last', async () => {
    const readTrace = startTrace();
    await using backend = await openOnStandIn(om['f32'] ?? '', dimensions);
    await using audio = await backend.encode([logMel(1)]);
    await using run = await audio.startDecoder();
    const before = readTrace().length;
    await greedyAlone(run, { ...request(1), prompts: [Array.from({ length: 150 }, (_, i) => i)] });
    const executions = readTrace()
      .slice(before)
      .filter((call) => call.function === 'aclmdlExecuteAsync');
    expect(executions).toHaveLength(Math.ceil((150 - 1) / 64) + 1);
  });

  describe.each([
    ['a beam step', [1], 3],
    ['a step of several windows', [1, 2], 2],
    ['a step of several windows and beams', [1, 2], 6],
  ])('%s', (_, seeds, sequences) => {
    const steps = 10;
    let calls: TracedCall[];
    beforeAll(async () => {
      // Without the graph for long prompts, which for a model as small as this one is as good for beams.
      const folder = await mkdtemp(join(root, 'om-'));
      await cp(om['f32'] ?? '', folder, { recursive: true, filter: (path) => !/rows-64-/.test(path) });
      const readTrace = startTrace();
      await using backend = await openOnStandIn(folder, dimensions);
      await using audio = await backend.encode(seeds.map(logMel));
      await using run = await audio.startDecoder();
      await run.forward({ tokens: seeds.map(() => [1, 2, 3, 4]) });
      const perWindow = sequences / seeds.length;
      const tokens = Array.from({ length: sequences }, (_, text) => [text]);
      const branching = Array.from({ length: sequences }, (_, text) => Math.floor(text / perWindow));
      await run.forward({ tokens, parents: branching }); // the graph is loaded and bound
      const before = readTrace().length;
      const parents = branching.map((window, text) => window * perWindow + ((text + 1) % perWindow));
      for (let step = 0; step < steps; step++) await run.forward({ tokens, parents });
      calls = readTrace().slice(before);
    });
    const named = (...names: string[]) => calls.filter((call) => names.includes(call.function));
    const copies = (direction: string) => calls.filter((call) => call.direction === direction);

    test('costs one execution and is waited for once', () => {
      expect(named('aclmdlExecuteAsync')).toHaveLength(steps);
      expect(named('aclrtSynchronizeStreamWithTimeout', 'aclrtSynchronizeStream')).toHaveLength(steps);
    });

    test('brings up tokens, positions and what each may see in one piece', () => {
      const shape = seeds.length === 1 ? { rows: 3, windows: 1 } : { rows: 6, windows: 2 };
      const { sizeBytes } = inputsLayout({ ...shape, capacity: 2 * dimensions.nTextCtx, candidates: 6 });
      expect(copies('H2D').map(({ bytes }) => bytes)).toEqual(Array(steps).fill(sizeBytes));
    });

    test('takes the logits down in one piece', () => {
      const rows = sequences === 2 ? 4 : sequences; // of the three sequences a window has room for, the first, and what lies between
      const slack = copies('D2H').map(({ bytes }) => bytes - rows * dimensions.nVocab * 4);
      expect(slack).toHaveLength(steps);
      expect(slack.every((bytes) => bytes >= 0 && bytes < 64)).toBe(true);
    });

    test('copies nothing on the device, creates nothing and moves only the place of the new rows', () => {
      expect(copies('D2D')).toEqual([]);
      expect(calls.filter((call) => created.test(call.function))).toEqual([]);
      expect(named('aclUpdateDataBuffer')).toHaveLength(steps * seeds.length);
    });
  });
});
