import { setTimeout } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { eagerly } from '../../src/pool/eagerly.ts';

const item = (n: number) => ({ n });

test('goes on while nobody takes what was given', async () => {
  let made = 0;
  const given = eagerly(async function* () {
    for (; made < 5; made++) yield item(made);
  });
  expect((await given.next()).value).toEqual({ n: 0 });
  await setTimeout(1);
  expect(made).toBe(5);
  const rest = [];
  for await (const { n } of given) rest.push(n);
  expect(rest).toEqual([1, 2, 3, 4]);
});

test('begins with the first that is asked for', async () => {
  let isBegun = false;
  const given = eagerly(async function* () {
    isBegun = true;
    yield item(0);
  });
  await setTimeout(1);
  expect(isBegun).toBe(false);
  await given.next();
  expect(isBegun).toBe(true);
});

test('gives what there was before an error', async () => {
  const given = eagerly(async function* () {
    yield item(0);
    throw new Error('broken');
  });
  expect((await given.next()).value).toEqual({ n: 0 });
  await expect(given.next()).rejects.toThrow('broken');
});

test('ends when somebody leaves, who waits until it has', async () => {
  const happened: string[] = [];
  const given = eagerly(async function* (left) {
    try {
      yield item(0);
      await setTimeout(60_000, undefined, { signal: left });
    } finally {
      await setTimeout(1);
      happened.push('ended');
    }
  });
  for await (const _ of given) break;
  expect(happened).toEqual(['ended']);
});
