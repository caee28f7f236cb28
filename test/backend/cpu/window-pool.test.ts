import { expect, test } from 'vitest';
import { WindowPool } from '../../../src/backend/cpu/window-pool.ts';

test('memory is taken again where it is large enough, and else released for larger', () => {
  const log: string[] = [];
  let blocks = 0;
  const pool = new WindowPool(
    (capacity) => {
      log.push(`allocate ${capacity}`);
      return ++blocks;
    },
    (memory) => log.push(`release ${memory}`),
  );
  const [first, second] = [pool.take(2), pool.take(2)];
  pool.release(first);
  expect(pool.take(1)).toBe(first);
  pool.release(first);
  pool.release(second);
  expect(pool.take(3)).toEqual({ capacity: 3, memory: 3 });
  expect(log).toEqual(['allocate 2', 'allocate 2', 'release 1', 'release 2', 'allocate 3']);
});
