import { spawnSync } from 'node:child_process';
import { copyFileSync, existsSync, readFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { built } from '../support/build-dist.ts';
import { hangLimitMs } from '../support/hang-limit.ts';
import { models } from '../support/models.ts';
import { convertWithStandIn, hasStandIn, standInEnvironment } from '../support/npu-stand-in.ts';
import { runCli } from '../support/run-cli.ts';
import { smallEnglishDimensions, writeSmallEnglishModel } from '../support/small-english-model.ts';

const sample = 'samples/espeak-en-16k.wav';

describe.skipIf(!hasStandIn || models.tinyEn === undefined)('on the stand-in', () => {
  let root: string;
  let om: string;
  let env: Record<string, string>;
  let args: string[];
  beforeAll(async () => {
    root = await mkdtemp(join(tmpdir(), 'whisper-npu-failures-'));
    await writeSmallEnglishModel(join(root, 'model'), models.tinyEn ?? '');
    om = await convertWithStandIn(join(root, 'model'), join(root, 'store'), 'f32');
    env = { ...standInEnvironment, WHISPER_NPU_HOME: join(root, 'home') };
    args = ['transcribe', '-q', '-d', 'npu', '--model', join(root, 'model'), '--om-dir', om, sample];
  });
  afterAll(() => rm(root, { recursive: true }));

  test.each([
    ['a device that cannot be set up', 'aclrtSetDevice:1:507033', 'aclrtSetDevice', ''],
    ['a device without memory', 'aclrtMalloc:1:207001', 'aclrtMalloc', ''],
    ['a model that does not load', 'aclmdlLoadWithConfig:2:500002', 'aclmdlLoadWithConfig', ''],
    ['an object that cannot be made', 'aclmdlCreateDataset:2:507015', 'aclmdlCreateDataset', sample],
    ['a step that fails', 'aclmdlExecuteAsync:3:507015', 'aclmdlExecuteAsync', sample],
    ['a device that is late', 'aclrtSynchronizeStreamWithTimeout:-8:507046', 'aclrtSynchronizeStream', sample],
    ['a copy that fails', 'aclrtMemcpyAsync:-12:500002', 'aclrtMemcpyAsync', ''],
  ])('%s ends with 5, names the call, and leaks nothing', async (_, fault, name, file) => {
    const { code, stderr } = await runCli(args, { env: { ...env, STAND_IN_FAIL: fault } });
    expect(code).toBe(5);
    expect(stderr).toContain(name);
    expect(stderr).toContain(file);
    expect(stderr).not.toContain('leak');
    expect(stderr).not.toContain('out of host memory');
  });

  test('a device that is lost in a batch: --json names the recording, and those that were not tried', async () => {
    const copies = ['a.wav', 'b.wav', 'c.wav'].map((name) => join(root, name));
    for (const path of copies) copyFileSync(sample, path);
    const { code, stdout, stderr } = await runCli([...args.slice(0, -1), '--json', ...copies], {
      env: { ...env, STAND_IN_FAIL: 'aclmdlExecuteAsync:3:507015' },
    });
    expect(code).toBe(5);
    expect(stderr).toContain('the NPU has failed, and 3 files are left: another run opens it anew');
    const lines = stdout.trim().split('\n');
    expect(lines.map((line) => JSON.parse(line))).toEqual([
      { file: copies[1], notTried: true },
      { file: copies[2], notTried: true },
      { file: copies[0], error: expect.objectContaining({ code: 'NPU_DEVICE_LOST' }) },
    ]);
  });

  test('a device that hangs while a model is loaded ends in an error', () => {
    const script = `
      import { loadAddon } from ${JSON.stringify(built('backend/npu/addon.js'))};
      import { openNpuBackend } from ${JSON.stringify(built('backend/npu/npu-backend.js'))};
      const libraries = [process.env.WHISPER_NPU_ACL_LIBRARY];
      const device = await loadAddon().openDevice({ libraries, deviceId: 0, syncTimeoutMs: 500 });
      const options = { device, description: '', directory: ${JSON.stringify(om)} };
      const dimensions = ${JSON.stringify(smallEnglishDimensions)};
      await openNpuBackend({ ...options, dimensions }).catch((error) => console.log(error.code, error.message));`;
    const run = spawnSync(process.execPath, ['--input-type=module', '-e', script], {
      env: { ...process.env, ...env, STAND_IN_HANG: 'aclmdlLoadWithConfig:2' },
      encoding: 'utf8',
      timeout: hangLimitMs,
    });
    expect(run.stdout).toContain('NPU_TIMEOUT aclmdlLoadWithConfig has not returned');
    expect(run.status).toBe(0);
  });

  test.each([
    ['is opened', 'aclrtMallocHost:1', 'aclrtCreateStream'],
    ['loads a model', 'aclmdlLoadWithConfig:2', 'aclmdlLoadWithConfig'],
    ['encodes', 'aclmdlExecuteAsync:1', 'aclmdlExecuteAsync'],
    ['decodes', 'aclmdlExecuteAsync:4', 'aclmdlExecuteAsync'],
  ])('Ctrl-C ends the program soon where a device hangs while it %s', async (_, hang, seen) => {
    const trace = join(root, `trace-${hang}`);
    let interrupted = 0;
    const { code, stderr } = await runCli(args, {
      env: { ...env, STAND_IN_HANG: hang, STAND_IN_TRACE: trace },
      started: (kill) => {
        // The trace tells of a call when it has returned.
        const poll = setInterval(() => {
          if (!existsSync(trace) || !readFileSync(trace, 'utf8').includes(seen)) return;
          clearInterval(poll);
          setTimeout(() => {
            interrupted = performance.now();
            kill('SIGINT');
          }, 500);
        }, 50);
      },
    });
    expect(stderr).toContain('interrupted');
    expect(code).toBe(130);
    expect(performance.now() - interrupted).toBeLessThan(50_000); // the device may take 60 s
  });
});
