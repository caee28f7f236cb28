import { type BufferSlice, type NativeBuffer, type NativeDevice, pieceSizeBytes } from './addon.ts';

/** One allocation on the device, cut into named pieces. */
export interface Pieces<Name extends string> {
  readonly buffer: NativeBuffer;
  readonly slices: Readonly<Record<Name, BufferSlice>>;
}

/** Allocates pieces of these sizes (bytes) as one block; each begins where ACL wants it. */
export async function allocatePieces<Name extends string>(
  device: NativeDevice,
  sizes: Readonly<Record<Name, number>>,
): Promise<Pieces<Name>> {
  const entries = Object.entries(sizes) as [Name, number][];
  const total = entries.reduce((sum, [, size]) => sum + pieceSizeBytes(size), 0);
  const buffer = await device.allocate(total);
  const slices: Partial<Record<Name, BufferSlice>> = {};
  let offset = 0;
  for (const [name, sizeBytes] of entries) {
    slices[name] = { buffer, offset, sizeBytes };
    offset += pieceSizeBytes(sizeBytes);
  }
  return { buffer, slices: slices as Record<Name, BufferSlice> };
}

/** A part of a slice. */
export function part(slice: BufferSlice, offset: number, sizeBytes: number): BufferSlice {
  if (offset + sizeBytes > slice.sizeBytes)
    throw new RangeError(`${offset} + ${sizeBytes} of ${slice.sizeBytes} bytes`);
  return { buffer: slice.buffer, offset: slice.offset + offset, sizeBytes };
}
