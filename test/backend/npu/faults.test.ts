import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import type { EncodedAudio, StepResult } from '../../../src/backend/backend.ts';
import { NpuError } from '../../../src/errors.ts';
import { convertWithStandIn, hasStandIn, openOnStandIn, startTrace } from '../../support/npu-stand-in.ts';
import { smallDimensions as dimensions, randomValues, writeRandomCheckpoint } from '../../support/random-checkpoint.ts';

const fault = 500002;
const mask = new Float32Array(dimensions.nVocab);
const logMels = [1, 2].map((seed) => randomValues(dimensions.nMels * 2 * dimensions.nAudioCtx, seed));

describe.skipIf(!hasStandIn)('a failing call of ACL', () => {
  let root: string;
  let om: string;
  let tokens: number[];
  let readTrace: ReturnType<typeof startTrace>;
  /** How often a whole run calls each function. */
  const counts = new Map<string, number>();
  /** Which calls of aclrtMemcpyAsync copy on the device. */
  const copies: number[] = [];
  /** Calls whose failure has nobody to be told: they only tell what something is called or free it. */
  const untold =
    /^acl(rt)?(mdl)?(Destroy|Free|Reset|Unload|Finalize|rtFree|rtReset|rtDestroy)|GetRecentErrMsg|Name|Version/;

  beforeAll(async () => {
    root = await mkdtemp(join(tmpdir(), 'whisper-npu-faults-'));
    await writeRandomCheckpoint(join(root, 'checkpoint'), { dimensions });
    om = await convertWithStandIn(join(root, 'checkpoint'), root, 'f32', { beams: 2, windows: 2, wordTimes: true });
    readTrace = startTrace();
    tokens = await transcribe();
    for (const call of readTrace()) {
      counts.set(call.function, (counts.get(call.function) ?? 0) + 1);
      if (call.direction === 'D2D') copies.push(counts.get(call.function) ?? 0);
    }
  }, 60_000);
  afterAll(() => rm(root, { recursive: true }));
  afterEach(() => {
    delete process.env['STAND_IN_FAIL'];
  });

  type Attempt = <T>(work: () => Promise<T>) => Promise<T>;
  const once: Attempt = (work) => work();

  /** A bit of everything. @returns the likeliest tokens along the way */
  async function transcribe(attempt: Attempt = once): Promise<number[]> {
    await using backend = await openOnStandIn(om, dimensions);
    await using audio = await attempt(() => backend.encode(logMels.map((logMel) => logMel.slice())));
    return [
      ...(await attempt(() => greedy(audio))),
      ...(await beams(audio, attempt)),
      ...(await twoWindows(audio, attempt)),
      ...(await aligned(audio, attempt)),
    ];
  }

  async function greedy(audio: EncodedAudio): Promise<number[]> {
    await using run = await audio.startDecoder(0);
    const request = { prompt: [1, 2, 3, 4, 5], beginSuppress: mask, suppress: mask, stopToken: -1, maxTokens: 5 };
    return (await run.greedy(request)).tokens;
  }

  /** Three texts where the graph takes two, until the log is full: rows are moved together, and texts taken alone. */
  async function beams(audio: EncodedAudio, attempt: Attempt): Promise<number[]> {
    await using run = await attempt(() => audio.startDecoder(1));
    const tokens = [[5], [6], [7]];
    const forward = (sources: readonly number[]) => attempt(() => run.forward({ tokens, sources }));
    await attempt(() => run.forward({ tokens: [[1, 2, 3]] }));
    await forward([0, 0, 0]);
    for (let step = 0; step < 6; step++) await forward([0, 1, 2]);
    await forward([1, 1, 1]);
    return likeliest(await forward([2, 0, 1]));
  }

  async function twoWindows(audio: EncodedAudio, attempt: Attempt): Promise<number[]> {
    await using run = await attempt(() => audio.startDecoder());
    await attempt(() => run.forward({ tokens: [[1], [2]] }));
    const tokens = [[3], [4], [5], [6]];
    return likeliest(await attempt(() => run.forward({ tokens, sources: [0, 0, 1, 1] })));
  }

  async function aligned(audio: EncodedAudio, attempt: Attempt): Promise<number[]> {
    await using run = await attempt(() => audio.startDecoder(0));
    const { attention = new Float32Array(), logits } = await attempt(() =>
      run.forward({ tokens: [[1, 2]], attention: true }),
    );
    return [...likeliest({ logits }), attention.indexOf(Math.max(...attention))];
  }

  function likeliest({ logits }: StepResult): number[] {
    const texts = Array.from({ length: logits.length / dimensions.nVocab }, (_, text) =>
      logits.subarray(text * dimensions.nVocab, (text + 1) * dimensions.nVocab),
    );
    return texts.map((ofText) => ofText.indexOf(Math.max(...ofText)));
  }

  test('every function that a run calls is known to this test', () => {
    expect([...counts.keys()]).toContain('aclmdlExecuteAsync');
    expect(counts.size).toBeGreaterThan(30);
  });

  test('anywhere gives an NpuError that names it, leaks nothing, and leaves a process that works', async () => {
    for (const [name, count] of counts) {
      if (!name.startsWith('acl')) continue;
      for (const nth of new Set([1, 2, count])) {
        if (nth > count) continue;
        process.env['STAND_IN_FAIL'] = `${name}:${nth}:${fault}`;
        const result = await transcribe().catch((error: unknown) => error);
        delete process.env['STAND_IN_FAIL'];
        const where = `${name}, call ${nth}`;
        if (result instanceof NpuError) expect(result.message, where).toContain(name);
        else expect(result, where).toEqual(tokens);
        if (!untold.test(name)) expect(result, where).toBeInstanceOf(NpuError);
      }
    }
    expect(await transcribe()).toEqual(tokens);
    expect(readTrace().filter((line) => line.event !== undefined)).toEqual([]);
  }, 240_000);

  /** Lets one call fail, and does once more what failed by it. */
  async function failOnce(name: string, nth: number): Promise<{ failures: number; result: unknown }> {
    let failures = 0;
    process.env['STAND_IN_FAIL'] = `${name}:${nth}:${fault}`;
    const twice: Attempt = async (work) => {
      try {
        return await work();
      } catch (error) {
        if (!(error instanceof NpuError)) throw error;
        failures++;
        return await work();
      }
    };
    return { result: await transcribe(twice).catch((error: unknown) => error), failures };
  }

  test('leaves texts as they were: the same call once more gives the same', async () => {
    let total = 0;
    for (const name of ['aclmdlExecuteAsync', 'aclUpdateDataBuffer', 'aclrtMalloc', 'aclmdlAddDatasetBuffer']) {
      const count = counts.get(name) ?? 0;
      for (let nth = count; nth > 0; nth -= Math.ceil(count / 12)) {
        const { result, failures } = await failOnce(name, nth);
        if (failures === 0) expect(result, `${name}, call ${nth}`).toBeInstanceOf(NpuError);
        else expect(result, `${name}, call ${nth}`).toEqual(tokens);
        total += failures;
      }
    }
    expect(total).toBeGreaterThan(20);
  }, 240_000);

  test('while rows move loses the text, and says so', async () => {
    const codes = new Set<unknown>();
    for (const nth of copies.filter((_, i) => i % Math.ceil(copies.length / 20) === 0)) {
      const { result, failures } = await failOnce('aclrtMemcpyAsync', nth);
      expect(failures, `copy ${nth}`).toBeGreaterThan(0);
      if (result instanceof NpuError) codes.add(result.code);
      else expect(result, `copy ${nth}`).toEqual(tokens);
    }
    expect(codes).toEqual(new Set(['NPU_TEXT_LOST']));
  }, 240_000);
});
