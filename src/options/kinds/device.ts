import { type DeviceChoice, type PoolDevices, parseDevice, parsePoolDevices } from '../../backend/device-choice.ts';
import type { Kind } from '../kind.ts';

/** Where a model shall run. */
export const device: Kind<DeviceChoice, string> = {
  placeholder: 'name',
  expected: 'auto, cpu, npu or npu:N',
  fromText: parseDevice,
  fromCode: (value) => (typeof value === 'string' ? parseDevice(value) : undefined),
};

/** Where the models of a pool shall run. */
export const poolDevices: Kind<PoolDevices, string> = {
  placeholder: 'names',
  expected: 'auto, cpu, cpu:2x4 (engines x threads), npu, npu:0,1,4-7 or npu:all',
  fromText: parsePoolDevices,
  fromCode: (value) => (typeof value === 'string' ? parsePoolDevices(value) : undefined),
};
