import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { homedir, tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { stagingPath } from '../../src/model/staging.ts';
import {
  checkpointDirectory,
  inspectStored,
  listModels,
  preparedDirectory,
  removeModel,
  storeDirectory,
} from '../../src/model/store.ts';
import { type StoredFile, writeManifest } from '../../src/model/stored-checkpoint.ts';
import { cTranslate2Files, modelBin } from './fetch/small-model.ts';

let store: string;
beforeEach(() => {
  store = mkdtempSync(join(tmpdir(), 'whisper-npu-store-'));
});
afterEach(() => rmSync(store, { recursive: true }));

/** Stores a model of noise. */
async function put(name: string): Promise<string> {
  const directory = checkpointDirectory(store, name);
  mkdirSync(directory, { recursive: true });
  const files = { ...cTranslate2Files(), 'model.bin': modelBin(6_000_000) };
  for (const [file, bytes] of Object.entries(files)) writeFileSync(join(directory, file), bytes);
  const names = Object.keys(files).map((file) => ({ name: file }));
  await writeManifest(directory, { version: 1, format: 'ctranslate2', source: 'a test', files: names });
  return directory;
}

const problemOf = async (name: string) => {
  const state = await inspectStored(store, name);
  return 'problem' in state ? state.problem : undefined;
};

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

test('a stored checkpoint is listed with what was built from it, and what is unfinished is not', async () => {
  const directory = await put('whisper-x');
  mkdirSync(join(preparedDirectory(store, 'whisper-x'), 'cpu-f32'), { recursive: true });
  mkdirSync(stagingPath(join(preparedDirectory(store, 'whisper-x'), 'cpu-f32')));
  mkdirSync(stagingPath(checkpointDirectory(store, 'whisper-y')));
  const sizeBytes = readdirSync(directory)
    .filter((file) => file !== 'manifest.json')
    .reduce((sum, file) => sum + statSync(join(directory, file)).size, 0);
  expect(await listModels(store)).toEqual([
    { name: 'whisper-x', format: 'ctranslate2', source: 'a test', sizeBytes, directory, prepared: ['cpu-f32'] },
  ]);
});

describe('a stored checkpoint is found damaged', () => {
  test('where a file is cut short or missing', async () => {
    const directory = await put('whisper-x');
    truncateSync(join(directory, 'model.bin'), 4);
    expect(await problemOf('whisper-x')).toMatch(/^model.bin has 4 bytes/);
    rmSync(join(directory, 'model.bin'));
    expect(await problemOf('whisper-x')).toBe('model.bin is missing');
  });

  test.each(['tokenizer.json', 'model.bin'])('where one byte of %s is another one', async (file) => {
    const directory = await put('whisper-x');
    const bytes = readFileSync(join(directory, file));
    const middle = bytes.length >> 1;
    bytes[middle] = (bytes[middle] ?? 0) ^ 1;
    writeFileSync(join(directory, file), bytes);
    const later = Date.now() / 1000 + 10;
    utimesSync(join(directory, file), later, later);
    expect(await problemOf('whisper-x')).toBe(`${file} holds other bytes than were written to it`);
  });

  test('where samples are others, whatever the date says', async () => {
    const directory = await put('whisper-x');
    const path = join(directory, 'model.bin');
    const { size, atime, mtime } = statSync(path);
    writeFileSync(path, Buffer.alloc(size));
    utimesSync(path, atime, mtime);
    expect(await problemOf('whisper-x')).toBe('model.bin holds other bytes than were written to it');
  });

  test.each([
    '',
    '{',
    '[]',
    '""',
    'null',
    '{}',
    '{"version":2,"files":[]}',
    '{"version":1,"format":"ctranslate2","source":"","files":[]}',
    '{"version":1,"format":"ctranslate2","source":"","files":[null]}',
    '{"version":1,"format":"ctranslate2","source":"","files":[{"name":"../../x","sizeBytes":1,"sha256":""}]}',
    `{"version":1,"format":"ctranslate2","source":"","files":[{"name":"x\\u0000","sizeBytes":1,"sha256":"${'0'.repeat(64)}"}]}`,
  ])('where its manifest reads %j', async (text) => {
    const directory = await put('whisper-x');
    writeFileSync(join(directory, 'manifest.json'), text);
    expect(await problemOf('whisper-x')).toMatch(
      /^manifest.json holds no JSON( object)?$|^manifest.json does not hold what it should/,
    );
    expect(await listModels(store)).toEqual([]);
  });
});

test('a copy is as good as what it was copied from', async () => {
  const directory = await put('whisper-x');
  const later = Date.now() / 1000 + 10;
  for (const file of readdirSync(directory)) utimesSync(join(directory, file), later, later);
  expect(await problemOf('whisper-x')).toBeUndefined();
});

test('a manifest without dates, as older versions wrote them, gets them', async () => {
  const directory = await put('whisper-x');
  const path = join(directory, 'manifest.json');
  const manifest = JSON.parse(readFileSync(path, 'utf8'));
  const files = manifest.files.map(({ name, sizeBytes, sha256 }: StoredFile) => ({ name, sizeBytes, sha256 }));
  writeFileSync(path, JSON.stringify({ ...manifest, files }));
  expect(await problemOf('whisper-x')).toBeUndefined();
  expect(JSON.parse(readFileSync(path, 'utf8'))).toEqual(manifest);
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
