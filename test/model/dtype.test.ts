import { describe, expect, test } from 'vitest';
import { UsageError } from '../../src/errors.ts';
import { cpuDtype, npuDtype } from '../../src/model/dtype.ts';

describe('what a device computes in', () => {
  test('is its own type unless another is asked for', () => {
    expect([cpuDtype(undefined), cpuDtype('int8'), cpuDtype('float32')]).toEqual(['float32', 'int8', 'float32']);
    expect([npuDtype(undefined), npuDtype('float32'), npuDtype('float16')]).toEqual(['float16', 'float32', 'float16']);
  });

  test.each([
    ['float16', cpuDtype, 'the CPU does not compute in float16', 'float32 or int8'],
    ['int8', npuDtype, 'the NPU does not compute in int8', 'float16 or float32'],
  ] as const)('is never another than asked for: %s', (asked, dtypeOn, message, choices) => {
    const choose = () => dtypeOn(asked);
    expect(choose).toThrow(UsageError);
    expect(choose).toThrow(message);
    expect(choose).toThrow(expect.objectContaining({ hint: expect.stringContaining(choices) }));
  });
});
