import { expect, test, vi } from 'vitest';
import { scriptedPool, startServer } from '../support/test-server.ts';

const compared = vi.hoisted((): { lengths: number[][] } => ({ lengths: [] }));
vi.mock('node:crypto', async (importOriginal) => {
  const crypto = await importOriginal<typeof import('node:crypto')>();
  return {
    ...crypto,
    timingSafeEqual(given: Uint8Array, wanted: Uint8Array) {
      compared.lengths.push([given.length, wanted.length]);
      return crypto.timingSafeEqual(given, wanted);
    },
  };
});

test('keys of any length are compared as digests of one length, in a time that says nothing of them', async () => {
  const apiKey = 'sk-a-key-that-nobody-guesses';
  const { url } = await startServer(scriptedPool(), { access: { hosts: [], corsOrigins: [], apiKey } });
  const keys = ['s', 'sk-a-key-that-nobody-guessed', `${apiKey}${apiKey}`, 'x'.repeat(5000), apiKey];
  const statuses: number[] = [];
  for (const key of keys)
    statuses.push((await fetch(`${url}/v1/models`, { headers: { authorization: `Bearer ${key}` } })).status);
  expect(statuses).toEqual([401, 401, 401, 401, 200]);
  expect(compared.lengths).toEqual(keys.map(() => [32, 32]));
});
