/** Where a model shall run. */
export type DeviceChoice =
  /** An NPU if there is one, else the CPU. */
  | { readonly kind: 'auto' }
  | { readonly kind: 'cpu' }
  /** This NPU and nothing else. */
  | { readonly kind: 'npu'; readonly index: number };

/** Reads auto, cpu, npu or npu:N. */
export function parseDevice(sequence: string): DeviceChoice | undefined {
  if (sequence === 'auto' || sequence === 'cpu') return { kind: sequence };
  const npu = /^npu(?::(\d{1,3}))?$/.exec(sequence);
  return npu === null ? undefined : { kind: 'npu', index: Number(npu[1] ?? 0) };
}

/** Where the models of a pool shall run. */
export type PoolDevices =
  /** All NPUs if there are any, else the CPU. */
  | { readonly kind: 'auto' }
  /** So many engines, each of so many threads. */
  | { readonly kind: 'cpu'; readonly engines: number; readonly threads?: number }
  /** These NPUs and nothing else. */
  | { readonly kind: 'npu'; readonly indexes: readonly number[] | 'all' };

const mostEngines = 256;
const mostThreads = 1024;

/** Reads auto, cpu, cpu:2x4 (two engines of four threads), npu, npu:0,1,4-7 or npu:all. */
export function parsePoolDevices(sequence: string): PoolDevices | undefined {
  if (sequence === 'auto') return { kind: 'auto' };
  if (sequence === 'cpu') return { kind: 'cpu', engines: 1 };
  if (sequence === 'npu') return { kind: 'npu', indexes: [0] };
  if (sequence === 'npu:all') return { kind: 'npu', indexes: 'all' };
  const cpu = /^cpu:(\d{1,3})x(\d{1,4})$/.exec(sequence);
  if (cpu !== null) return cpuEngines(Number(cpu[1]), Number(cpu[2]));
  const list = /^npu:([\d,-]+)$/.exec(sequence)?.[1];
  const indexes = list?.split(',').map(indexRange);
  if (indexes === undefined || !indexes.every((range) => range !== undefined)) return undefined;
  const all = indexes.flat();
  return new Set(all).size === all.length ? { kind: 'npu', indexes: all } : undefined;
}

function cpuEngines(engines: number, threads: number): PoolDevices | undefined {
  const isPossible = engines >= 1 && engines <= mostEngines && threads >= 1 && threads <= mostThreads;
  return isPossible ? { kind: 'cpu', engines, threads } : undefined;
}

/** `4` or `4-7`. */
function indexRange(sequence: string): number[] | undefined {
  const range = /^(\d{1,3})(?:-(\d{1,3}))?$/.exec(sequence);
  if (range === null) return undefined;
  const [first, last] = [Number(range[1]), Number(range[2] ?? range[1])];
  return last < first ? undefined : Array.from({ length: last - first + 1 }, (_, i) => first + i);
}
