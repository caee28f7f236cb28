import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
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
    open({ id }) {
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

describe('a model that is asked for by name', () => {
  const fetching = (names: readonly string[] = []) => {
    const openings: unknown[] = [];
    const host = openModelHost({
      async open(opening) {
        openings.push(opening);
        return { ...scriptedPool(), name: opening.id ?? 'own' };
      },
      stored: async () => names.map(storedModel),
    });
    return { host, openings };
  };

  test('may be fetched where it is one that is published', async () => {
    const { host, openings } = fetching();
    await host.load();
    expect(await host.fetch('openai/whisper-tiny')).toEqual({ id: 'whisper-tiny', isLoaded: true });
    expect(await host.fetch('medium')).toEqual({ id: 'whisper-medium', isLoaded: true });
    expect(await host.fetch('whisper-1')).toEqual({ id: 'own', isLoaded: true });
    expect(openings).toEqual([
      { id: undefined, mayFetch: false },
      { id: 'whisper-tiny', mayFetch: true },
      { id: 'whisper-medium', mayFetch: true },
    ]);
  });

  test.each([
    '/etc',
    '../models',
    './x',
    'somebody/model',
    'https://example.org/m',
    'C:\\m',
    '__proto__',
    ''.padEnd(9999, 'x'),
  ])('is not fetched where it is %s', async (id) => {
    const { host, openings } = fetching(['whisper-base']);
    await host.load();
    await expect(host.fetch(id)).rejects.toMatchObject({ status: 404 });
    expect(openings).toHaveLength(1);
  });
});

describe('memory of a model', () => {
  const disposable = () => {
    const freed: string[] = [];
    const poolNamed = (name: string): Pool => ({
      ...scriptedPool(),
      name,
      [Symbol.asyncDispose]: async () => void freed.push(name),
    });
    return { freed, poolNamed };
  };

  test('is freed on request, and the model comes again when it is asked for', async () => {
    const { freed, poolNamed } = disposable();
    const { host, opened } = hostOf(['whisper-base'], async (id) => poolNamed(id ?? 'own'));
    await host.load();
    (await host.use('whisper-base'))[Symbol.dispose]();
    expect(await host.unload('base')).toEqual({ id: 'whisper-base', isLoaded: false });
    expect(await host.unload('whisper-1')).toEqual({ id: 'own', isLoaded: false });
    expect(freed).toEqual(['whisper-base', 'own']);
    expect(host.pools()).toEqual([]);
    expect(host.isReady).toBe(true);
    expect((await host.use('own')).pool.name).toBe('own');
    expect(opened).toEqual([undefined, 'whisper-base', undefined]);
    await expect(host.unload('/etc')).rejects.toMatchObject({ status: 404 });
  });

  test('is not freed while a request uses it', async () => {
    const { freed, poolNamed } = disposable();
    const { host } = hostOf(['whisper-base'], async (id) => poolNamed(id ?? 'own'));
    const [first, second] = [await host.use(''), await host.use('whisper-1')];
    await expect(host.unload('own')).rejects.toMatchObject({ status: 409, code: 'MODEL_IN_USE' });
    first[Symbol.dispose]();
    first[Symbol.dispose](); // once is enough
    await expect(host.unload('own')).rejects.toMatchObject({ status: 409 });
    second[Symbol.dispose]();
    await host.unload('own');
    expect(freed).toEqual(['own']);
  });

  test('is freed when nobody has asked for it for long enough', async () => {
    const { freed, poolNamed } = disposable();
    const host = openModelHost({
      open: async ({ id }) => poolNamed(id ?? 'own'),
      stored: async () => [],
      idleUnloadSeconds: 0.05,
    });
    const use = await host.use('');
    await sleep(150);
    expect(freed).toEqual([]);
    use[Symbol.dispose]();
    const again = await host.use('');
    await sleep(150);
    expect(freed).toEqual([]);
    again[Symbol.dispose]();
    await expect.poll(() => freed, { timeout: 10_000 }).toEqual(['own']);
    expect(host.isReady).toBe(true);
    (await host.use(''))[Symbol.dispose]();
  });

  test('is free before the model comes again', async () => {
    const order: string[] = [];
    const host = openModelHost({
      async open() {
        order.push('opened');
        return {
          ...scriptedPool(),
          async [Symbol.asyncDispose]() {
            await sleep(20);
            order.push('freed');
          },
        };
      },
      stored: async () => [],
    });
    await host.load();
    const unloading = host.unload('scripted');
    await expect.poll(() => host.pools()).toEqual([]);
    await Promise.all([unloading, host.use('')]);
    expect(order).toEqual(['opened', 'freed', 'opened']);
  });
});
