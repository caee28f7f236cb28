import { expect, test } from 'vitest';
import type { Pool } from '../../src/pool/pool.ts';
import { openModelHost } from '../../src/server/model-host.ts';
import { scriptedPool } from './support/test-server.ts';

const storedModel = (name: string) => ({
  name,
  format: 'ctranslate2' as const,
  source: '',
  sizeBytes: 1,
  directory: '',
  prepared: [],
});

function hostOf(
  names: readonly string[],
  open: (id: string | undefined) => Promise<Pool> = async (id) => ({ ...scriptedPool(), name: id ?? 'own' }),
) {
  const opened: (string | undefined)[] = [];
  const host = openModelHost({
    open(id) {
      opened.push(id);
      return open(id);
    },
    stored: async () => names.map(storedModel),
  });
  return { host, opened };
}

test('the default model is had under its name, OpenAI’s names and none', async () => {
  const { host, opened } = hostOf(['whisper-base']);
  for (const id of ['', 'whisper-1', 'gpt-4o-transcribe', 'own']) expect((await host.use(id)).pool.name).toBe('own');
  expect(opened).toEqual([undefined]);
});

test('a model of the store is loaded when it is first asked for, once, by any of its names', async () => {
  const { host, opened } = hostOf(['whisper-base', 'whisper-large-v3-turbo']);
  await host.load();
  const uses = await Promise.all(['whisper-base', 'base', 'Systran/faster-whisper-base'].map((id) => host.use(id)));
  expect(uses.map(({ pool }) => pool.name)).toEqual(Array(3).fill('whisper-base'));
  expect((await host.use('turbo')).pool.name).toBe('whisper-large-v3-turbo');
  expect(opened).toEqual([undefined, 'whisper-base', 'whisper-large-v3-turbo']);
  expect(await host.list()).toEqual([
    { id: 'own', isLoaded: true },
    { id: 'whisper-base', isLoaded: true },
    { id: 'whisper-large-v3-turbo', isLoaded: true },
  ]);
});

test.each([
  '/etc',
  '../whisper-base',
  './whisper-base',
  'http://example.org/model',
  'whisper-medium',
  'openai/whisper-medium',
  'C:\\models',
  '__proto__',
  'src',
])('there is no model %s: what is not in the store is neither opened nor fetched', async (id) => {
  const { host, opened } = hostOf(['whisper-base']);
  await host.load();
  await expect(host.use(id)).rejects.toMatchObject({ status: 404, code: 'MODEL_NOT_FOUND', param: 'model' });
  expect(opened).toEqual([undefined]);
});

test('a model that could not be loaded is tried again', async () => {
  let tries = 0;
  const { host } = hostOf([], async () => {
    if (++tries === 1) throw new Error('out of memory');
    return scriptedPool();
  });
  await expect(host.load()).rejects.toThrow('out of memory');
  expect(host.isReady).toBe(false);
  await host.load();
  expect(host.isReady).toBe(true);
});
