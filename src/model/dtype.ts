import { UsageError } from '../errors.ts';

/** What a model may be computed in, by device; the first is what a device computes in unless asked for another. */
export const dtypesOf = { CPU: ['float32', 'int8'], NPU: ['float16', 'float32'] } as const;

export type CpuDtype = (typeof dtypesOf.CPU)[number];
export type NpuDtypeName = (typeof dtypesOf.NPU)[number];
export type Dtype = CpuDtype | NpuDtypeName;

/** What the graphs of an NPU call its types. */
export const npuElementTypes = { float16: 'f16', float32: 'f32' } as const;

/** @throws UsageError for a type that the CPU does not compute in */
export function cpuDtype(asked: Dtype | undefined): CpuDtype {
  return dtypeOn('CPU', dtypesOf.CPU, asked);
}

/** @throws UsageError for a type that an NPU does not compute in */
export function npuDtype(asked: Dtype | undefined): NpuDtypeName {
  return dtypeOn('NPU', dtypesOf.NPU, asked);
}

function dtypeOn<T extends Dtype>(device: string, possible: readonly [T, ...T[]], asked: Dtype = possible[0]): T {
  const dtype = possible.find((candidate) => candidate === asked);
  if (dtype !== undefined) return dtype;
  throw new UsageError('DTYPE_NOT_ON_DEVICE', `the ${device} does not compute in ${asked}`, {
    hint: `Leave --dtype out, or choose ${possible.join(' or ')}.`,
  });
}
