import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, readdir, readFile, rm, stat, truncate, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { promisify } from 'node:util';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { prepareCpu } from '../../src/convert/prepare-cpu.ts';
import { ModelError } from '../../src/errors.ts';
import { openCheckpoint } from '../../src/model/checkpoint.ts';
import { readWeightsTable } from '../../src/model/weights-table.ts';
import { built } from '../support/build-dist.ts';
import { randomWeights, smallDimensions, writeRandomCheckpoint } from '../support/random-checkpoint.ts';

let root: string;
let source: string;
/** Where the prepared folders of the model appear. */
let store: string;
const place = () => ({ store: root, model: 'whisper-random' });
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'whisper-npu-prepare-'));
  source = join(root, 'checkpoint');
  store = join(root, 'prepared', 'whisper-random');
});
afterEach(() => rm(root, { recursive: true }));

/** Prepares what lies in `source` now, and says whether that took a build. */
async function prepare(): Promise<{ directory: string; isBuilt: boolean }> {
  let isBuilt = false;
  const directory = await prepareCpu(await openCheckpoint(source), place(), {
    onBuild: () => {
      isBuilt = true;
    },
  });
  return { directory, isBuilt };
}

const weightsOf = (directory: string) => stat(join(directory, 'weights.bin'));

describe('prepareCpu', () => {
  test.each(['f32', 'f16'] as const)('widens %s weights and says where they lie', async (dtype) => {
    const weights = await writeRandomCheckpoint(source, { dtype });
    const { directory } = await prepare();
    const bytes = await readFile(join(directory, 'weights.bin'));
    const { tensors } = await readWeightsTable(directory);
    for (const [name, values] of weights) {
      const { offset, sizeBytes } = tensors.find((tensor) => tensor.name === name)!;
      expect(sizeBytes).toBe(values.byteLength);
      const start = bytes.byteOffset + offset;
      expect(new Float32Array(bytes.buffer.slice(start, start + sizeBytes)), name).toEqual(values);
    }
  });

  test('tells the bytes that it is going to write', async () => {
    await writeRandomCheckpoint(source);
    const told: number[] = [];
    const directory = await prepareCpu(await openCheckpoint(source), place(), {
      onBuild: (sizeBytes) => told.push(sizeBytes),
    });
    expect(told).toEqual([(await weightsOf(directory)).size]);
  });

  test('builds once and leaves the folder alone afterwards', async () => {
    await writeRandomCheckpoint(source);
    const first = await prepare();
    const before = await weightsOf(first.directory);
    const second = await prepare();
    expect([first.isBuilt, second.isBuilt]).toEqual([true, false]);
    expect(second.directory).toBe(first.directory);
    const after = await weightsOf(second.directory);
    expect([after.ino, after.mtimeMs]).toEqual([before.ino, before.mtimeMs]);
    expect(await readdir(store)).toHaveLength(1);
  });

  test.each(['weights.bin', 'weights.json', 'manifest.json'])('builds anew without %s', async (file) => {
    await writeRandomCheckpoint(source);
    const { directory } = await prepare();
    await rm(join(directory, file));
    expect(await prepare()).toEqual({ directory, isBuilt: true });
    expect(await readdir(directory)).toContain(file);
  });

  test.each(['weights.bin', 'manifest.json'])('builds anew when %s is cut short', async (file) => {
    await writeRandomCheckpoint(source);
    const { directory } = await prepare();
    const whole = await readFile(join(directory, file));
    await truncate(join(directory, file), whole.length - 3);
    expect(await prepare()).toEqual({ directory, isBuilt: true });
    const undated = (bytes: Buffer) => bytes.toString('latin1').replace(/"mtimeMs": [\d.]+/g, '');
    expect(undated(await readFile(join(directory, file)))).toBe(undated(whole));
  });

  test('builds another folder when weights were changed in place', async () => {
    await writeRandomCheckpoint(source);
    const first = await prepare();
    const later = new Date(Date.now() + 5000);
    await utimes(join(source, 'model.safetensors'), later, later);
    const second = await prepare();
    expect(second.isBuilt).toBe(true);
    expect(second.directory).not.toBe(first.directory);
  });

  test('builds another folder when the checkpoint gets other weights', async () => {
    await writeRandomCheckpoint(source, { seed: 1 });
    const first = await prepare();
    await writeRandomCheckpoint(source, { seed: 2 });
    await utimes(join(source, 'model.safetensors'), 1, 1); // the same size, written within one tick of the clock
    const second = await prepare();
    expect(second.isBuilt).toBe(true);
    const weights = (directory: string) => readFile(join(directory, 'weights.bin'));
    expect((await weights(second.directory)).equals(await weights(first.directory))).toBe(false);
  });

  test('removes what killed processes left, and nothing else', async () => {
    await writeRandomCheckpoint(source);
    for (const name of ['cpu-x64-f32-v1-0123456789ab.unfinished', 'notes']) {
      await mkdir(join(store, name), { recursive: true });
      await writeFile(join(store, name, 'weights.bin'), 'half');
    }
    const { directory } = await prepare();
    expect((await readdir(store)).sort()).toEqual([basename(directory), 'notes'].sort());
  });

  test('is not stopped by what was left under its own name', async () => {
    await writeRandomCheckpoint(source);
    const { directory } = await prepare();
    await rm(directory, { recursive: true });
    await mkdir(`${directory}.unfinished`);
    await writeFile(join(`${directory}.unfinished`, 'weights.bin'), 'half');
    expect(await prepare()).toEqual({ directory, isBuilt: true });
  });

  test('leaves nothing behind when the checkpoint turns out to be damaged', async () => {
    await writeRandomCheckpoint(source);
    const checkpoint = await openCheckpoint(source);
    await truncate(join(source, 'model.safetensors'), 5000);
    await expect(prepareCpu(checkpoint, place())).rejects.toMatchObject({ code: 'MODEL_DAMAGED' });
    expect(await readdir(store)).toEqual([]);
  });

  test.each(['float32', 'int8'] as const)('refuses weights that are not numbers, in %s', async (dtype) => {
    const name = 'model.encoder.layers.1.fc1.weight';
    const weights = randomWeights(smallDimensions);
    weights.get(name)?.fill(Number.NaN, 5, 6);
    await writeRandomCheckpoint(source, { weights });
    const preparing = prepareCpu(await openCheckpoint(source), place(), { dtype });
    await expect(preparing).rejects.toMatchObject({ code: 'MODEL_DAMAGED', message: expect.stringContaining(name) });
    expect(await readdir(store)).toEqual([]);
  });

  test('says so when the store cannot be written', async () => {
    await writeRandomCheckpoint(source);
    await writeFile(join(root, 'file'), '');
    const failure = prepareCpu(await openCheckpoint(source), { store: join(root, 'file'), model: 'whisper-random' });
    await expect(failure).rejects.toBeInstanceOf(ModelError);
    await expect(failure).rejects.toMatchObject({ code: 'MODEL_STORE_NOT_WRITABLE' });
  });

  test('can be asked several times at once', async () => {
    await writeRandomCheckpoint(source);
    const answers = await Promise.all([prepare(), prepare(), prepare(), prepare()]);
    expect(new Set(answers.map(({ directory }) => directory)).size).toBe(1);
    expect((await prepare()).isBuilt).toBe(false);
    expect(await readdir(store)).toHaveLength(1);
  });

  test('serves processes that build at once, and replaces no folder that one of them already uses', async () => {
    await writeRandomCheckpoint(source);
    const script = `
      import { statSync } from 'node:fs';
      import { prepareCpu } from ${JSON.stringify(built('convert/prepare-cpu.js'))};
      import { openCheckpoint } from ${JSON.stringify(built('model/checkpoint.js'))};
      const [, source, store] = process.argv;
      const directory = await prepareCpu(await openCheckpoint(source), { store, model: 'whisper-random' });
      console.log(statSync(directory + '/weights.bin').ino + ' ' + directory);`;
    const runs = Array.from({ length: 4 }, () =>
      promisify(execFile)(process.execPath, ['--input-type=module', '--eval', script, source, root]),
    );
    const answers = new Set((await Promise.all(runs)).map(({ stdout }) => stdout.trim()));
    expect(answers.size).toBe(1);
    const { directory, isBuilt } = await prepare();
    expect(isBuilt).toBe(false);
    expect([...answers]).toEqual([`${(await weightsOf(directory)).ino} ${directory}`]);
    expect(await readdir(store)).toHaveLength(1);
  });
});
