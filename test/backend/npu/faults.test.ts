import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { NpuError } from '../../../src/errors.ts';
import { convertWithStandIn, hasStandIn, openOnStandIn, startTrace } from '../../support/npu-stand-in.ts';
import { randomValues, writeRandomCheckpoint } from '../../support/random-checkpoint.ts';
import { contractDimensions as dimensions } from '../contract.ts';

const fault = 500002;
const mask = new Float32Array(dimensions.nVocab);
const logMel = randomValues(dimensions.nMels * 2 * dimensions.nAudioCtx, 1);

describe.skipIf(!hasStandIn)('a failing call of ACL', () => {
  let root: string;
  let om: string;
  let tokens: number[];
  let readTrace: ReturnType<typeof startTrace>;
  /** How often a whole run calls each function. */
  const counts = new Map<string, number>();
  /** Calls whose failure has nobody to be told: they only tell what something is called or free it. */
  const untold =
    /^acl(rt)?(mdl)?(Destroy|Free|Reset|Unload|Finalize|rtFree|rtReset|rtDestroy)|GetRecentErrMsg|Name|Version/;

  beforeAll(async () => {
    root = await mkdtemp(join(tmpdir(), 'whisper-npu-faults-'));
    await writeRandomCheckpoint(join(root, 'checkpoint'), { dimensions });
    om = await convertWithStandIn(join(root, 'checkpoint'), root, 'f32');
    readTrace = startTrace();
    tokens = await transcribe();
    for (const call of readTrace()) counts.set(call.function, (counts.get(call.function) ?? 0) + 1);
  }, 60_000);
  afterAll(() => rm(root, { recursive: true }));
  afterEach(() => {
    delete process.env['STAND_IN_FAIL'];
  });

  async function transcribe(): Promise<number[]> {
    await using backend = await openOnStandIn(om, dimensions);
    await using audio = await backend.encode([logMel.slice()]);
    await using run = await audio.startDecoder();
    const request = { prompt: [1, 2, 3, 4, 5], beginSuppress: mask, suppress: mask, stopToken: -1, maxTokens: 12 };
    return (await run.greedy(request)).tokens;
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
});
