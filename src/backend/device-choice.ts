/** Where a model shall run. */
export type DeviceChoice =
  /** An NPU if there is one, else the CPU. */
  | { readonly kind: 'auto' }
  | { readonly kind: 'cpu' }
  /** This NPU and nothing else. */
  | { readonly kind: 'npu'; readonly index: number };

/** Reads auto, cpu, npu or npu:N. */
export function parseDevice(text: string): DeviceChoice | undefined {
  if (text === 'auto' || text === 'cpu') return { kind: text };
  const npu = /^npu(?::(\d{1,3}))?$/.exec(text);
  return npu === null ? undefined : { kind: 'npu', index: Number(npu[1] ?? 0) };
}
