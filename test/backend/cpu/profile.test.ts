import { describe, expect, test } from 'vitest';
import { summarizeProfile } from '../../../src/backend/cpu/profile.ts';

const node = (operator: string, dur: number, name = `${operator}_1_kernel_time`) => ({
  name,
  dur,
  args: { op_name: operator },
});

describe('a profile', () => {
  test('is the mean of the executions, operators together, the slowest first', () => {
    const events = [
      { name: 'session_initialization', dur: 9e6 },
      node('Add', 1000),
      node('Gemm', 4000),
      node('Gemm', 5000, 'Gemm_2_kernel_time'),
      { name: 'model_run', dur: 12_000 },
      node('Add', 3000),
      node('Gemm', 6000),
      node('Gemm', 7000, 'Gemm_2_kernel_time'),
      node('Gemm', 100_000, 'Gemm_2_fence_before'),
      { name: 'model_run', dur: 18_000 },
    ];
    expect(summarizeProfile('encoder', events)).toEqual({
      graph: 'encoder',
      executions: 2,
      executionMs: 15,
      operators: [
        { operator: 'Gemm', calls: 2, elapsedMs: 11 },
        { operator: 'Add', calls: 1, elapsedMs: 2 },
      ],
    });
  });

  test('of a graph that never ran is empty', () => {
    const profile = summarizeProfile('decoder', [{ name: 'session_initialization', dur: 5 }]);
    expect(profile).toEqual({ graph: 'decoder', executions: 0, executionMs: 0, operators: [] });
  });
});
