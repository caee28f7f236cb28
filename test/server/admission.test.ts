import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { openAdmission } from '../../src/server/admission.ts';

const { signal } = new AbortController();

test('requests take turns in the order in which they came, and one that leaves lets the next one go on', async () => {
  const admission = openAdmission({ running: 1, waiting: 2, waitSeconds: 60 });
  const [a, b, c] = [admission.enter(), admission.enter(), admission.enter()];
  const order: string[] = [];
  await a.turn(signal);
  const second = b.turn(signal).then(() => order.push('b'));
  const third = c.turn(signal).then(() => order.push('c'));
  expect([admission.running, admission.waiting]).toEqual([1, 2]);
  await sleep(5);
  expect(order).toEqual([]);
  a[Symbol.dispose]();
  await second;
  expect(order).toEqual(['b']);
  b[Symbol.dispose]();
  await third;
  c[Symbol.dispose]();
  expect([admission.running, admission.waiting]).toEqual([0, 0]);
});

test('one more than there is room for is told when to come again', () => {
  const admission = openAdmission({ running: 1, waiting: 1, waitSeconds: 60 });
  const first = admission.enter();
  admission.enter();
  expect(() => admission.enter()).toThrow(
    expect.objectContaining({ status: 429, retryAfterSeconds: expect.any(Number) }),
  );
  first[Symbol.dispose]();
  first[Symbol.dispose](); // once is enough
  admission.enter();
  expect(() => admission.enter()).toThrow(expect.objectContaining({ status: 429 }));
});

test('one that waits too long is told to come again, and has lost its place', async () => {
  const admission = openAdmission({ running: 1, waiting: 1, waitSeconds: 0.01 });
  const [first, second] = [admission.enter(), admission.enter()];
  await first.turn(signal);
  await expect(second.turn(signal)).rejects.toMatchObject({ status: 429 });
  second[Symbol.dispose]();
  first[Symbol.dispose]();
  expect([admission.running, admission.waiting]).toEqual([0, 0]);
});

test('one that goes away while it waits leaves the line', async () => {
  const admission = openAdmission({ running: 1, waiting: 2, waitSeconds: 60 });
  const [first, second, third] = [admission.enter(), admission.enter(), admission.enter()];
  const gone = new AbortController();
  await first.turn(signal);
  const waiting = second.turn(gone.signal);
  const behind = third.turn(signal);
  gone.abort(new Error('gone'));
  await expect(waiting).rejects.toThrow('gone');
  second[Symbol.dispose]();
  first[Symbol.dispose]();
  await behind;
  expect([admission.running, admission.waiting]).toEqual([1, 0]);
});
