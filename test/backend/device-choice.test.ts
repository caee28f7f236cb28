import { expect, test } from 'vitest';
import { parsePoolDevices } from '../../src/backend/device-choice.ts';

test.each([
  ['auto', { kind: 'auto' }],
  ['cpu', { kind: 'cpu', engines: 1 }],
  ['cpu:2x4', { kind: 'cpu', engines: 2, threads: 4 }],
  ['npu', { kind: 'npu', indexes: [0] }],
  ['npu:all', { kind: 'npu', indexes: 'all' }],
  ['npu:0,1,4-7', { kind: 'npu', indexes: [0, 1, 4, 5, 6, 7] }],
])('%s names devices of a pool', (text, devices) => {
  expect(parsePoolDevices(text)).toEqual(devices);
});
