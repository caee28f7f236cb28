import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setImmediate } from 'node:timers/promises';
import { Worker } from 'node:worker_threads';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { openNpu } from '../../../src/backend/npu/acl-environment.ts';
import { greedyAlone } from '../../support/append.ts';
import { built } from '../../support/build-dist.ts';
import { convertWithStandIn, hasStandIn, openOnStandIn, standInEnvironment } from '../../support/npu-stand-in.ts';
import {
  smallDimensions as dimensions,
  smallGeneration as generation,
  randomValues,
  writeRandomCheckpoint,
} from '../../support/random-checkpoint.ts';

const request = {
  prompts: [[1, 2, 3]],
  beginSuppress: new Float32Array(dimensions.nVocab),
  suppress: new Float32Array(dimensions.nVocab),
  stopToken: -1,
  maxTokens: 6,
};
/** A release is tried with 200. */
const nCycles = Number(process.env['WHISPER_NPU_TEST_CYCLES'] ?? 50);
const logMel = randomValues(dimensions.nMels * 2 * dimensions.nAudioCtx, 1);

describe.skipIf(!hasStandIn)('a model on the stand-in', () => {
  let root: string;
  let om: string;
  beforeAll(async () => {
    root = await mkdtemp(join(tmpdir(), 'whisper-npu-lifetime-'));
    await writeRandomCheckpoint(join(root, 'checkpoint'), { dimensions, generation });
    om = await convertWithStandIn(join(root, 'checkpoint'), root, 'f32');
  });
  afterAll(() => rm(root, { recursive: true }));

  async function transcribe(): Promise<readonly number[]> {
    await using backend = await openOnStandIn(om, dimensions);
    await using audio = await backend.encode([logMel.slice()]);
    await using run = await audio.startDecoder();
    return (await greedyAlone(run, request)).tokens;
  }

  test(`is loaded, used and closed ${nCycles} times in the same memory, with the same files open`, async () => {
    const { device } = await openNpu(standInEnvironment, 0); // so that the device's process need not start again and again
    const cycles = async (count: number) => {
      for (let cycle = 0; cycle < count; cycle++) {
        await transcribe();
        if (cycle % 20 === 0) await setImmediate();
      }
    };
    const look = async () => {
      const status = await readFile('/proc/self/status', 'utf8');
      return {
        memoryKb: Number(/VmRSS:\s*(\d+)/.exec(status)?.[1]),
        threads: Number(/Threads:\s*(\d+)/.exec(status)?.[1]),
        descriptors: (await readdir('/proc/self/fd')).length,
        onDevice: (await device.memoryInfo()).freeBytes,
      };
    };
    await cycles(20);
    const before = await look();
    await cycles(nCycles);
    const after = await look();
    await device.close();
    expect(after.onDevice).toBe(before.onDevice);
    expect(after.descriptors).toBeLessThanOrEqual(before.descriptors + 2);
    expect(after.threads).toBeLessThanOrEqual(before.threads + 3);
    expect(after.memoryKb - before.memoryKb).toBeLessThan(100_000); // a pinned arena a cycle would be 8 MB in each
  });

  test('runs in two Node workers on one device at once', async () => {
    const code = `
      const { parentPort, workerData } = require('node:worker_threads');
      (async () => {
        const { openNpu } = await import(${JSON.stringify(built('backend/npu/acl-environment.js'))});
        const { openNpuBackend } = await import(${JSON.stringify(built('backend/npu/npu-backend.js'))});
        const { env, om, dimensions, logMel, request } = workerData;
        const results = [];
        for (let round = 0; round < 5; round++) {
          const backend = await openNpuBackend({ ...(await openNpu(env, 0)), directory: om, dimensions });
          const audio = await backend.encode([logMel.slice()]);
          const run = await audio.startDecoder();
          results.push((await run.greedy(request)).sequences[0].tokens);
          await backend[Symbol.asyncDispose]();
        }
        parentPort.postMessage(results);
      })();`;
    const workerData = { env: standInEnvironment, om, dimensions, logMel, request };
    const inWorker = () =>
      new Promise<number[][]>((resolve, reject) => {
        const worker = new Worker(code, { eval: true, workerData });
        worker.once('message', resolve);
        worker.once('error', reject);
      });
    const expected = Array(5).fill(await transcribe());
    expect(await Promise.all([inWorker(), inWorker()])).toEqual([expected, expected]);
  });
});
