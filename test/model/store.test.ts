import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { homedir, tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import {
  checkpointDirectory,
  listModels,
  preparedDirectory,
  readStored,
  removeModel,
  storeDirectory,
  writeManifest,
} from '../../src/model/store.ts';

let store: string;
beforeEach(() => {
  store = mkdtempSync(join(tmpdir(), 'whisper-npu-store-'));
});
afterEach(() => rmSync(store, { recursive: true }));

async function put(name: string): Promise<string> {
  const directory = checkpointDirectory(store, name);
  mkdirSync(directory, { recursive: true });
  for (const file of ['config.json', 'model.bin', 'model.bin.origin.json', 'other.part'])
    writeFileSync(join(directory, file), '12345');
  const files = ['config.json', 'model.bin'].map((file) => ({ name: file, sizeBytes: 5, sha256: '' }));
  await writeManifest(directory, { version: 1, format: 'ctranslate2', source: 'a test', files });
  return directory;
}

describe('the store lies', () => {
  test.each([
    [{ WHISPER_NPU_HOME: '/a', XDG_CACHE_HOME: '/b', HOME: '/c' }, '/a'],
    [{ WHISPER_NPU_HOME: '', XDG_CACHE_HOME: '/b', HOME: '/c' }, '/b/whisper-npu'],
    [{ HOME: '/c' }, '/c/.cache/whisper-npu'],
    [{}, join(homedir(), '.cache/whisper-npu')],
  ])('for %j in %s', (env, expected) => {
    expect(storeDirectory(env)).toBe(expected);
  });
});

test('a checkpoint is whole once its manifest is written, and holds nothing else', async () => {
  const directory = await put('whisper-x');
  expect(readdirSync(directory).sort()).toEqual(['config.json', 'manifest.json', 'model.bin']);
  mkdirSync(join(preparedDirectory(store, 'whisper-x'), 'cpu-f32'), { recursive: true });
  expect(await listModels(store)).toEqual([
    {
      name: 'whisper-x',
      format: 'ctranslate2',
      source: 'a test',
      sizeBytes: 10,
      directory,
      prepared: ['cpu-f32'],
    },
  ]);
});

test('a checkpoint whose files are not as listed is not whole', async () => {
  const directory = await put('whisper-x');
  truncateSync(join(directory, 'model.bin'), 4);
  expect(await readStored(store, 'whisper-x')).toBeUndefined();
  rmSync(join(directory, 'model.bin'));
  expect(await readStored(store, 'whisper-x')).toBeUndefined();
});

test.each(['', '{', '[]', '{"version":2,"files":[]}', 'null'])('a manifest that reads %j is none', async (text) => {
  const directory = await put('whisper-x');
  writeFileSync(join(directory, 'manifest.json'), text);
  expect(await readStored(store, 'whisper-x')).toBeUndefined();
});

test('a store that is not there yet is empty', async () => {
  expect(await listModels(join(store, 'nowhere'))).toEqual([]);
});

test('removing takes the checkpoint and what was prepared from it, and nothing of another model', async () => {
  await put('whisper-x');
  await put('whisper-y');
  mkdirSync(join(preparedDirectory(store, 'whisper-x'), 'cpu-f32'), { recursive: true });
  await removeModel(store, 'whisper-x');
  expect((await listModels(store)).map(({ name }) => name)).toEqual(['whisper-y']);
  expect(existsSync(preparedDirectory(store, 'whisper-x'))).toBe(false);
});

test.each(['whisper-z', '..', '../checkpoints', ''])(
  'removing %j, which is no model here, is refused',
  async (name) => {
    await put('whisper-x');
    await expect(removeModel(store, name)).rejects.toMatchObject({ code: 'MODEL_NOT_STORED' });
    expect(await listModels(store)).toHaveLength(1);
  },
);
