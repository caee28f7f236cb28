import { execFile } from 'node:child_process';
import { cp, mkdtemp, open, rm, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setImmediate } from 'node:timers/promises';
import { promisify } from 'node:util';
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest';
import { loadCpuAddon } from '../../../src/backend/cpu/cpu-addon.ts';
import type { GraphProfile } from '../../../src/backend/cpu/profile.ts';
import { levelNames } from '../../../src/backend/cpu-level.ts';
import { prepareCpu } from '../../../src/convert/prepare-cpu.ts';
import type { ModelError } from '../../../src/errors.ts';
import { openCheckpoint } from '../../../src/model/checkpoint.ts';
import { readWeightsTable, weightsFile } from '../../../src/model/weights-table.ts';
import { greedyAlone } from '../../support/append.ts';
import { built } from '../../support/build-dist.ts';
import { hangLimitMs } from '../../support/hang-limit.ts';
import { randomValues, type Weights, writeRandomCheckpoint } from '../../support/random-checkpoint.ts';
import { referenceWhisper } from '../../support/reference-whisper.ts';
import { alignmentHeads, backendContract, contractDimensions as dimensions } from '../contract.ts';

// Built, because the backend starts a worker thread from the file beside its own.
type CpuBackend = typeof import('../../../src/backend/cpu/cpu-backend.ts');
const { openCpuBackend } = (await import(built('backend/cpu/cpu-backend.js'))) as CpuBackend;

let root: string;
let prepared: string;
let weights: Weights;
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'whisper-npu-backend-'));
  weights = await writeRandomCheckpoint(join(root, 'checkpoint'), {
    dimensions,
    generation: { alignment_heads: alignmentHeads },
  });
  prepared = await prepareCpu(await openCheckpoint(join(root, 'checkpoint')), { store: root, model: 'random' });
});
afterAll(() => rm(root, { recursive: true }));

const levels = loadCpuAddon(dimensions).levels();
for (const level of levels) {
  backendContract(`the CPU backend on the level ${levelNames[level]},`, async () => ({
    backend: await openCpuBackend({ directory: prepared, dimensions, threads: 2, level }),
    reference: referenceWhisper(dimensions, weights),
  }));
}

describe('the CPU backend', () => {
  test.each([
    [1, '1 thread'],
    [2, '2 threads'],
  ])('with %i names its threads and its level', async (threads, text) => {
    await using backend = await openCpuBackend({ directory: prepared, dimensions, threads, level: 'plain' });
    expect(backend.device).toBe(`CPU, ${text} (plain)`);
  });

  test.each(levels)(
    'on the level %s profiles every execution and all of its time, where that is asked for',
    async (level) => {
      let profiles: readonly GraphProfile[] = [];
      {
        const onProfile = (measured: GraphProfile[]) => {
          profiles = measured;
        };
        await using backend = await openCpuBackend({ directory: prepared, dimensions, threads: 2, level, onProfile });
        for (let window = 0; window < 3; window++) {
          await using audio = await backend.encode([new Float32Array(dimensions.nMels * 2 * dimensions.nAudioCtx)]);
          await using run = await audio.startDecoder();
          const mask = new Float32Array(dimensions.nVocab);
          await greedyAlone(run, { prompts: [[1]], beginSuppress: mask, suppress: mask, stopToken: -1, maxTokens: 10 });
        }
      }
      expect(profiles.map(({ graph, executions }) => [graph, executions])).toEqual([
        ['encoder', 3],
        ['decoder', 30],
      ]);
      for (const { executionMs, operators } of profiles) {
        expect(operators.length).toBeGreaterThan(3);
        const accounted = operators.reduce((sum, { elapsedMs }) => sum + elapsedMs, 0);
        expect(accounted).toBeGreaterThan(0);
        expect(accounted).toBeLessThanOrEqual(executionMs);
        for (const { calls } of operators) expect(calls).toBeGreaterThanOrEqual(1);
      }
    },
  );

  test('runs on the best level, and says so', async () => {
    await using backend = await openCpuBackend({ directory: prepared, dimensions, threads: 2 });
    const best = levels.map((level) => levelNames[level]).at(-1);
    expect(backend.device).toBe(`CPU, 2 threads (${best})`);
  });

  test.each(levels)('computes on %s where it is asked to, whatever WHISPER_NPU_CPU_LEVEL says', async (level) => {
    vi.stubEnv('WHISPER_NPU_CPU_LEVEL', 'avx1024');
    await using backend = await openCpuBackend({ directory: prepared, dimensions, threads: 2, level });
    expect(backend.device).toBe(`CPU, 2 threads (${levelNames[level]})`);
    vi.unstubAllEnvs();
  });

  describe('where WHISPER_NPU_CPU_LEVEL is set', () => {
    afterEach(() => vi.unstubAllEnvs());

    test.each(levels)('computes on %s', async (level) => {
      vi.stubEnv('WHISPER_NPU_CPU_LEVEL', level);
      await using backend = await openCpuBackend({ directory: prepared, dimensions, threads: 2 });
      expect(backend.device).toBe(`CPU, 2 threads (${levelNames[level]})`);
    });

    test('refuses what this processor does not have, and says what it has', async () => {
      vi.stubEnv('WHISPER_NPU_CPU_LEVEL', 'avx1024');
      await expect(openCpuBackend({ directory: prepared, dimensions, threads: 1 })).rejects.toMatchObject({
        name: 'ModelError',
        code: 'CPU_LEVEL_UNSUPPORTED',
        message: 'this processor does not have the level avx1024',
        hint: expect.stringContaining(`can be ${levels.join(', ')};`),
      });
    });
  });

  test('computes on a thread of its own', async () => {
    await using backend = await openCpuBackend({ directory: prepared, dimensions, threads: 1 });
    const silence = () => new Float32Array(dimensions.nMels * 2 * dimensions.nAudioCtx);
    // This thread has its turns while one window is encoded; not each time, where the machine is busy.
    let turns = 0;
    for (let windows = 0; turns <= 10 && windows < 1000; windows++) {
      let isEncoding = true;
      const encoding = backend.encode([silence()]).finally(() => {
        isEncoding = false;
      });
      for (turns = 0; isEncoding; turns++) await setImmediate();
      await using _ = await encoding;
    }
    expect(turns).toBeGreaterThan(10);
  });

  test('keeps no process alive once it is disposed of or could not be opened', async () => {
    const script = `
      import { openCpuBackend } from ${JSON.stringify(built('backend/cpu/cpu-backend.js'))};
      const options = ${JSON.stringify({ directory: prepared, dimensions, threads: 1 })};
      const backend = await openCpuBackend(options);
      await backend[Symbol.asyncDispose]();
      await openCpuBackend({ ...options, directory: '/nowhere' }).catch(({ code }) => console.log(code));`;
    await writeFile(join(root, 'script.mjs'), script);
    const { stdout } = await promisify(execFile)(process.execPath, [join(root, 'script.mjs')], {
      timeout: hangLimitMs,
    });
    expect(stdout).toBe('MODEL_DAMAGED\n');
  });

  const damagedTensors = [
    'model.encoder.layers.0.self_attn.q_proj.weight',
    'model.encoder.layer_norm.bias',
    'model.decoder.layers.2.self_attn.k_proj.weight',
    'model.decoder.layers.3.encoder_attn.k_proj.weight',
    'model.decoder.layer_norm.weight',
  ];
  const damages = levels.flatMap((level) => damagedTensors.map((tensor) => [level, tensor] as const));
  test.each(damages)('on the level %s gives no number where one of %s is none', async (level, tensor) => {
    const directory = await mkdtemp(join(root, 'damaged-'));
    await cp(prepared, directory, { recursive: true });
    const { tensors } = await readWeightsTable(directory);
    const damaged = tensors.find(({ name }) => name === tensor);
    const file = await open(join(directory, weightsFile), 'r+');
    await file.write(Buffer.alloc(4, 0xff), 0, 4, damaged?.offset);
    await file.close();
    await using backend = await openCpuBackend({ directory, dimensions, threads: 1, level });
    await using audio = await backend.encode([randomValues(dimensions.nMels * 2 * dimensions.nAudioCtx, 1)]);
    await using run = await audio.startDecoder();
    const mask = new Float32Array(dimensions.nVocab);
    const request = { prompts: [[1]], beginSuppress: mask, suppress: mask, stopToken: -1, maxTokens: 3 };
    expect((await greedyAlone(run, request)).logprobs).toEqual([Number.NaN, Number.NaN, Number.NaN]);
  });

  async function failureWith(damage: (directory: string) => Promise<void>): Promise<unknown> {
    const directory = await mkdtemp(join(root, 'damaged-'));
    await cp(prepared, directory, { recursive: true });
    await damage(directory);
    return await openCpuBackend({ directory, dimensions, threads: 1 }).then(
      () => 'opened',
      (error: unknown) => error,
    );
  }

  test.each([
    ['the table of weights is missing', 'MODEL_DAMAGED', (directory: string) => rm(join(directory, 'weights.json'))],
    [
      'a tensor is missing from the table',
      'MODEL_LOAD_FAILED',
      (directory: string) => writeFile(join(directory, 'weights.json'), '{"tensors":[],"alignmentHeads":[]}'),
    ],
    [
      'the weights are cut short',
      'MODEL_LOAD_FAILED',
      (directory: string) => truncate(join(directory, 'weights.bin'), 1000),
    ],
  ] as const)('names the folder and what to do when %s', async (_, code, damage) => {
    const failure = await failureWith(damage);
    expect(failure).toMatchObject({ name: 'ModelError', code });
    const { message, hint } = failure as ModelError;
    expect(message).toContain(join(root, 'damaged-'));
    expect(hint).toContain('Remove the folder');
  });
});
