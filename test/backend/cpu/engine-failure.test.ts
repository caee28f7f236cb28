import { describe, expect, test } from 'vitest';
import { errorOf, failureOf } from '../../../src/backend/cpu/engine-failure.ts';
import { ModelError } from '../../../src/errors.ts';

/** As a message to another thread carries it. */
const carried = (error: unknown) => errorOf(structuredClone(failureOf(error)));

describe("a failure of the engine's thread", () => {
  test('that the program can explain arrives as what it was', () => {
    const arrived = carried(new ModelError('WEIGHTS_BAD', 'x.bin is short', { hint: 'Fetch it anew.' }));
    expect(arrived).toBeInstanceOf(ModelError);
    expect(arrived).toMatchObject({ code: 'WEIGHTS_BAD', message: 'x.bin is short', hint: 'Fetch it anew.' });
  });

  test('for want of memory says what to do', () => {
    const error = Object.assign(new Error('the memory is full'), { code: 'OUT_OF_MEMORY' });
    expect(carried(error)).toMatchObject({
      name: 'ModelError',
      code: 'OUT_OF_MEMORY',
      hint: expect.stringMatching('memory'),
    });
  });

  test('for want of threads says what to do', () => {
    const error = Object.assign(new Error('thread 9 of 1024 cannot be started'), { code: 'NO_THREAD' });
    expect(carried(error)).toMatchObject({ code: 'NO_THREAD', hint: expect.stringMatching('--threads') });
  });

  test('that nobody expected keeps its message and where it happened', () => {
    const error = new TypeError('undefined is not a function');
    const arrived = carried(error);
    expect(arrived).not.toBeInstanceOf(ModelError);
    expect(arrived).toMatchObject({ message: error.message, stack: error.stack });
    expect(carried('thrown text').message).toBe('thrown text');
  });
});
