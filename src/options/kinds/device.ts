import { type DeviceChoice, parseDevice } from '../../backend/device-choice.ts';
import type { Kind } from '../kind.ts';

/** Where a model shall run. */
export const device: Kind<DeviceChoice, string> = {
  placeholder: 'name',
  expected: 'auto, cpu, npu or npu:N',
  fromText: parseDevice,
  fromCode: (value) => (typeof value === 'string' ? parseDevice(value) : undefined),
};
