import { expect, test } from 'vitest';
import { checkMemory } from '../../src/server/check-memory.ts';

test('a model that does not fit is refused before it is loaded', () => {
  expect(() => checkMemory(3e9, 3.2e9)).toThrow(
    expect.objectContaining({
      code: 'MEMORY_SHORT',
      message: 'the model takes about 3.4 GB of memory, and 3.2 GB are free',
    }),
  );
  checkMemory(3e9, 3.5e9);
});

test('what is free is what this process may have', () => {
  checkMemory(0);
  expect(() => checkMemory(1e15)).toThrow(expect.objectContaining({ code: 'MEMORY_SHORT' }));
});
