import { UsageError } from '../errors.ts';

/** Where a model shall run. */
export type DeviceChoice =
  /** An NPU if there is one, else the CPU. */
  | { readonly kind: 'auto' }
  | { readonly kind: 'cpu' }
  /** This NPU and nothing else. */
  | { readonly kind: 'npu'; readonly index: number };

/**
 * Reads auto, cpu, npu or npu:N.
 *
 * @throws UsageError 'DEVICE_UNKNOWN'
 */
export function parseDevice(text: string): DeviceChoice {
  if (text === 'auto' || text === 'cpu') return { kind: text };
  const npu = /^npu(?::(\d{1,3}))?$/.exec(text);
  if (npu === null) throw new UsageError('DEVICE_UNKNOWN', `no device ${text}: expected auto, cpu, npu or npu:N`);
  return { kind: 'npu', index: Number(npu[1] ?? 0) };
}
