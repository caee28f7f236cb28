import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, describe, expect, test } from 'vitest';
import {
  type BufferSlice,
  loadAddon,
  type NativeBuffer,
  type NativeDevice,
  pieceSizeBytes,
} from '../../../src/backend/npu/addon.ts';
import { NpuError } from '../../../src/errors.ts';
import { addonPath, buildFakeAcl } from '../../support/fake-acl.ts';

const library = buildFakeAcl();

test('a piece has room for its 32-byte tail and ends on a 64-byte step', () => {
  expect([1, 32, 33, 64, 1000].map(pieceSizeBytes)).toEqual([64, 64, 128, 128, 1088]);
});

describe.skipIf(library === undefined)('the addon over a fake ACL', () => {
  const libraries = [library ?? ''];
  const folder = mkdtempSync(join(tmpdir(), 'whisper-npu-addon-'));
  const model = join(folder, 'model.om');
  const trace = join(folder, 'trace');
  writeFileSync(model, '1 2 64');
  afterEach(() => {
    process.env['FAKE_ACL_FAIL'] = '';
    process.env['FAKE_ACL_HANG'] = '';
    process.env['FAKE_ACL_TRACE'] = '';
  });
  afterAll(() => rmSync(folder, { recursive: true }));

  async function withDevice(use: (device: NativeDevice) => Promise<void>, syncTimeoutMs = 1000): Promise<void> {
    const device = await loadAddon().openDevice({ libraries, deviceId: 0, syncTimeoutMs });
    try {
      await use(device);
    } finally {
      await device.close();
    }
  }
  const slot = (buffer: NativeBuffer, index: number): BufferSlice => ({ buffer, offset: index * 64, sizeBytes: 64 });
  const failure = (promise: Promise<unknown>): Promise<NpuError> =>
    promise.then(
      () => expect.fail('expected a rejection'),
      (error) => error as NpuError,
    );

  test('reports the device, its memory and the model', async () => {
    await withDevice(async (device) => {
      expect(device.socName).toBe('Fake910');
      expect(await device.memoryInfo()).toEqual({ freeBytes: 1000, totalBytes: 4000 });
      expect(await device.modelSizes(model)).toEqual({ workBytes: 128, weightBytes: 256 });
      const loaded = await device.loadModel(model, { mode: 'sync' });
      expect(loaded.inputs).toEqual([{ name: 'input', dims: [1, 64], dtype: 'uint8', format: 'ND', sizeBytes: 64 }]);
      expect(loaded.outputs).toHaveLength(2);
    });
  });

  test('queued steps cost one execute each, one synchronise together and nothing else', async () => {
    await withDevice(async (device) => {
      const buffer = await device.allocate(64 * 16);
      const loaded = await device.loadModel(model, { mode: 'async' });
      const ring = await Promise.all(
        [0, 1].map((i) => loaded.createBinding([slot(buffer, i)], [slot(buffer, i + 1), slot(buffer, 15)])),
      );
      await device.submit([
        { kind: 'upload', to: slot(buffer, 0), data: new Uint8Array(64).fill(7) },
        { kind: 'fill', to: slot(buffer, 10), value: 9 },
      ]);
      process.env['FAKE_ACL_TRACE'] = trace;
      const [bytes] = await device.submit([
        ...[0, 1, 2, 3].map((step) => ({
          kind: 'execute' as const,
          binding: ring[step % 2] ?? expect.fail(),
          ...(step < 2 ? { rebind: [{ side: 'output' as const, index: 1, slice: slot(buffer, 14) }] } : {}),
        })),
        { kind: 'copy', from: slot(buffer, 2), to: slot(buffer, 11) },
        { kind: 'download', from: { buffer, offset: 640, sizeBytes: 128 } },
      ]);
      process.env['FAKE_ACL_TRACE'] = '';
      expect([bytes?.[0], bytes?.[64]]).toEqual([9, 9]);
      expect(readFileSync(trace, 'utf8').trim().split('\n')).toEqual([
        ...['aclUpdateDataBuffer', 'aclmdlExecuteAsync', 'aclUpdateDataBuffer', 'aclmdlExecuteAsync'],
        ...['aclmdlExecuteAsync', 'aclmdlExecuteAsync', 'aclrtMemcpyAsync', 'aclrtMemcpyAsync'],
        'aclrtSynchronizeStreamWithTimeout',
      ]);
    });
  });

  test('uploads a file from an offset', async () => {
    const path = join(folder, 'weights');
    writeFileSync(path, Buffer.from([...Array(200).keys()]));
    await withDevice(async (device) => {
      const to = slot(await device.allocate(64), 0);
      const [bytes] = await device.submit([
        { kind: 'uploadFile', to, path, fileOffset: 100 },
        { kind: 'download', from: to },
      ]);
      expect([...(bytes ?? [])]).toEqual([...Array(64).keys()].map((i) => i + 100));
      const short = await failure(device.submit([{ kind: 'uploadFile', to, path, fileOffset: 150 }]));
      expect(short).toMatchObject({ code: 'NPU_FILE', message: `${path}: the file is too short` });
    });
  });

  test('a failed call rejects with its function, code, meaning and ACL message, and the device goes on', async () => {
    await withDevice(async (device) => {
      process.env['FAKE_ACL_FAIL'] = 'aclrtMalloc:2:207001';
      await device.allocate(64);
      const error = await failure(device.allocate(64));
      expect(error).toBeInstanceOf(NpuError);
      expect(error).toMatchObject({ code: 'NPU_OUT_OF_MEMORY', aclCode: 207001, aclFunction: 'aclrtMalloc' });
      expect(error.message).toBe('aclrtMalloc failed with 207001 (out of device memory): EZ9999: injected fault');
      expect(error.hint).toContain('npu-smi');
      await device.allocate(64);
    });
  });

  test('a hanging device times out, refuses later calls at once, closes, and can be opened again', async () => {
    await withDevice(async (device) => {
      const buffer = await device.allocate(64);
      process.env['FAKE_ACL_HANG'] = '1';
      const submit = () => device.submit([{ kind: 'download', from: slot(buffer, 0) }]);
      expect(await failure(submit())).toMatchObject({ code: 'NPU_TIMEOUT', aclCode: 507046 });
      process.env['FAKE_ACL_HANG'] = '';
      expect(await failure(submit())).toMatchObject({ code: 'NPU_TIMEOUT', aclCode: 507046 });
    }, 30);
    await withDevice(async (device) => {
      await device.memoryInfo();
    });
  });

  test.each(['aclmdlLoadWithConfig', 'aclrtMalloc', 'aclrtMemcpyAsync', 'aclrtGetMemInfo'])(
    'a device that hangs in %s gives up what is under way, what waits and what comes, and closes',
    async (name) => {
      const device = await loadAddon().openDevice({ libraries, deviceId: 0, syncTimeoutMs: 50 });
      const buffer = await device.allocate(64);
      process.env['FAKE_ACL_HANG'] = name;
      const works = {
        aclmdlLoadWithConfig: () => device.loadModel(model, { mode: 'async' }),
        aclrtMalloc: () => device.allocate(64),
        aclrtMemcpyAsync: () => device.submit([{ kind: 'download', from: slot(buffer, 0) }]),
        aclrtGetMemInfo: () => device.memoryInfo(),
      };
      const [hanging, waiting] = [works[name as keyof typeof works](), device.memoryInfo()].map(failure);
      expect(await hanging).toMatchObject({ code: 'NPU_TIMEOUT', message: `${name} has not returned for 1 s` });
      expect(await waiting).toMatchObject({ code: 'NPU_TIMEOUT' });
      expect(await failure(device.allocate(64))).toMatchObject({ code: 'NPU_TIMEOUT' });
      await buffer.close();
      expect(await failure(device.close())).toMatchObject({ code: 'NPU_TIMEOUT' });
      process.env['FAKE_ACL_HANG'] = '';
      await withDevice(async (next) => void (await next.allocate(64)));
    },
  );

  test('opening a device that hangs ends too', async () => {
    process.env['FAKE_ACL_HANG'] = 'aclrtSetDevice';
    const opening = loadAddon().openDevice({ libraries, deviceId: 0, syncTimeoutMs: 50 });
    expect(await failure(opening)).toMatchObject({ code: 'NPU_TIMEOUT' });
  });

  test('closing waits no longer than it is told, and then nothing stays open', async () => {
    const device = await loadAddon().openDevice({ libraries, deviceId: 0, syncTimeoutMs: 60_000 });
    process.env['FAKE_ACL_HANG'] = 'aclrtGetMemInfo';
    rmSync(trace, { force: true });
    process.env['FAKE_ACL_TRACE'] = trace;
    const hanging = failure(device.memoryInfo());
    while (!existsSync(trace) || !readFileSync(trace, 'utf8').includes('aclrtGetMemInfo hangs')) await sleep(5);
    process.env['FAKE_ACL_TRACE'] = '';
    expect(await failure(device.close(20))).toMatchObject({ code: 'NPU_TIMEOUT' });
    expect(await hanging).toMatchObject({ code: 'NPU_TIMEOUT' });
  });

  test('a process ends with its exit code although its device hangs', () => {
    const { status } = runApart(`
      addon.openDevice({ ...options, syncTimeoutMs: 60000 }).then((device) => {
        process.env.FAKE_ACL_HANG = 'aclrtGetMemInfo';
        device.memoryInfo();
        setTimeout(() => process.exit(7), 100);
      });`);
    expect(status).toBe(7);
  });

  test('a release that fails is reported, and the device is reset when it closes', async () => {
    await withDevice(async (device) => {
      const buffer = await device.allocate(64);
      process.env['FAKE_ACL_FAIL'] = 'aclrtFree:1:507899';
      expect(await failure(buffer.close())).toMatchObject({ code: 'NPU_DEVICE_LOST', aclFunction: 'aclrtFree' });
    });
  });

  test('close is idempotent, cascades, and refuses what comes later', async () => {
    const device = await loadAddon().openDevice({ libraries, deviceId: 0, syncTimeoutMs: 1000 });
    const buffer = await device.allocate(256);
    const loaded = await device.loadModel(model, { mode: 'sync' });
    const binding = await loaded.createBinding([slot(buffer, 0)], [slot(buffer, 1), slot(buffer, 2)]);
    await buffer.close(); // the binding keeps the memory
    await device.submit([{ kind: 'execute', binding }]);
    await loaded.close();
    await loaded.close();
    expect(await failure(device.submit([{ kind: 'execute', binding }]))).toMatchObject({ code: 'NPU_CLOSED' });
    await Promise.all([device.close(), device.close()]);
    await binding.close();
    await device.close();
    for (const late of [device.allocate(64), device.submit([]), loaded.createBinding([], []), device.memoryInfo()]) {
      expect(await failure(late)).toMatchObject({ code: 'NPU_CLOSED' });
    }
  });

  test('arguments that no compiler checks are refused by name', async () => {
    await withDevice(async (device) => {
      const buffer = await device.allocate(256);
      const download = (slice: BufferSlice) => failure(device.submit([{ kind: 'download', from: slice }]));
      expect((await download({ buffer, offset: 8, sizeBytes: 8 })).message).toBe(
        'expected a slice at a multiple of 64 bytes but received offset 8',
      );
      expect((await download({ buffer, offset: 64, sizeBytes: 256 })).code).toBe('NPU_ARGUMENT');
      expect((await download({ buffer, offset: -64, sizeBytes: 8 })).message).toContain('offset but received -64');
      const loaded = await device.loadModel(model, { mode: 'async' });
      expect((await download({ buffer: loaded as never, offset: 0, sizeBytes: 8 })).message).toBe('expected a buffer');
      expect((await failure(loaded.createBinding([slot(buffer, 0)], []))).message).toContain('expected 2 slices');
      const other = await loadAddon().openDevice({ libraries, deviceId: 0, syncTimeoutMs: 1000 });
      const foreign = failure(other.submit([{ kind: 'download', from: slot(buffer, 0) }]));
      expect((await foreign).message).toContain('of the same device');
      await other.close();
      expect((await failure(device.allocate(1.5))).message).toContain('1.5');
      expect(() => new (device.constructor as new (...args: unknown[]) => unknown)({})).toThrow('only the addon');
    });
  });

  test('two devices open at once, and 200 cycles of open and close leave no thread behind', async () => {
    await withDevice((_) => withDevice(async (inner) => void (await inner.allocate(64))));
    const threads = () => Number(/Threads:\s*(\d+)/.exec(readFileSync('/proc/self/status', 'utf8'))?.[1]);
    const before = threads();
    for (let cycle = 0; cycle < 200; cycle++) await withDevice(async (device) => void (await device.allocate(64)));
    expect(threads()).toBeLessThan(before + 20);
  });

  test('a probe says which libraries were opened and what they are', async () => {
    const probe = await loadAddon().probe({ libraries });
    expect(probe).toMatchObject({ missingSymbols: [], socName: 'Fake910', deviceCount: 1, apiVersion: '1.16.0' });
    expect(probe.libraries).toEqual([{ name: library, path: library }]);
    const other = await loadAddon().probe({ libraries: ['/nowhere/libascendcl.so'] });
    expect(other.error).toMatchObject({ code: 'NPU_LIBRARY_CONFLICT' });
  });

  /** Runs a script in a process of its own, with `addon` and `options` at hand; returns the calls that ACL saw. */
  function runApart(script: string, nodeOptions: string[] = []): { status: number | null; calls: string[] } {
    const path = join(folder, 'apart');
    rmSync(path, { force: true });
    const header = `
      const addon = require(${JSON.stringify(addonPath)});
      process.once('exit', () => addon.shutDown());
      const options = { libraries: [${JSON.stringify(library)}], deviceId: 0, syncTimeoutMs: 1000 };`;
    const env = { ...process.env, FAKE_ACL_TRACE: path };
    const run = spawnSync(process.execPath, [...nodeOptions, '-e', header + script], { env, encoding: 'utf8' });
    expect(run.stderr).toBe('');
    return { status: run.status, calls: readFileSync(path, 'utf8').trim().split('\n') };
  }
  const count = (calls: string[], name: string) => calls.filter((call) => call === name).length;

  test.each([
    ['the script ends', ''],
    ['process.exit is called', 'process.exit(0);'],
  ])('an open device is closed when %s', (_, ending) => {
    const { status, calls } = runApart(`addon.openDevice(options).then(async (device) => {
      globalThis.kept = [device, await device.allocate(64)]; ${ending} });`);
    expect(status).toBe(0);
    expect(calls.at(-1)).toBe('aclFinalizeReference');
    expect(count(calls, 'aclrtFree')).toBe(1);
  });

  test('devices that were lost are closed by the garbage collector', () => {
    const { calls } = runApart(
      `(async () => {
        for (let i = 0; i < 5; i++) await (await addon.openDevice(options)).allocate(64);
        const ended = () => require('node:fs').readFileSync(process.env.FAKE_ACL_TRACE, 'utf8').split('aclFinalizeReference').length - 1;
        while (ended() < 5) { gc(); await new Promise((done) => setTimeout(done, 10)); }
        process.kill(process.pid, 'SIGKILL');
      })();`,
      ['--expose-gc'],
    );
    expect(count(calls, 'aclFinalizeReference')).toBe(5);
  });

  test('Node workers share ACL, and one that is terminated in the middle closes its device', () => {
    const { status, calls } = runApart(`
      const { Worker } = require('node:worker_threads');
      const code = \`const addon = require(${JSON.stringify(addonPath)});
        const { parentPort, workerData } = require('node:worker_threads');
        addon.openDevice(workerData).then(async (device) => {
          const buffer = await device.allocate(64);
          const from = { buffer, offset: 0, sizeBytes: 64 };
          for (let i = 0; ; i++) { await device.submit([{ kind: 'download', from }]); if (i === 20) parentPort.postMessage(0); }
        });\`;
      for (let i = 0; i < 2; i++) {
        const worker = new Worker(code, { eval: true, workerData: options });
        worker.once('message', () => worker.terminate());
      }`);
    expect(status).toBe(0);
    expect(count(calls, 'aclInit')).toBe(2);
    expect(count(calls, 'aclFinalizeReference')).toBe(2);
    expect(count(calls, 'aclrtFree')).toBe(2);
  });
});

describe.skipIf(library === undefined)('the addon without CANN', () => {
  test('says which libraries were tried and what to source', () => {
    const script = `
      require(${JSON.stringify(addonPath)}).openDevice({ searchDirectories: ['/nowhere'], deviceId: 0, syncTimeoutMs: 1 })
        .catch((error) => console.log(error.code, error.message));`;
    const { stdout } = spawnSync(process.execPath, ['-e', script], { encoding: 'utf8' });
    expect(stdout).toMatch(/^NPU_LIBRARY_MISSING/);
    for (const name of ['libascendcl.so', '/nowhere/libascendcl.so', 'libacl_rt.so', '/nowhere/libacl_mdl.so']) {
      expect(stdout).toContain(name);
    }
  });
});
