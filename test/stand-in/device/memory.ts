import { readSync, writeSync } from 'node:fs';
import { staging } from './channel.ts';

/** A place in device memory: the allocation's number and size, the offset in it, and how many bytes. */
export interface Place {
  readonly allocation: number;
  readonly allocationSize: number;
  readonly offset: number;
  readonly size: number;
}

/** What fresh memory holds: NaN as float32 (and, every other number, as float16), no index and no token as an integer. */
const garbage = 0x7fc0dead;

/** The place that four words of a request name. */
export function parsePlace(words: readonly string[]): Place {
  const [allocation, allocationSize, offset, size] = words.map(Number);
  if (allocation === undefined || allocationSize === undefined || offset === undefined || size === undefined) {
    throw new Error(`not a place: ${words.join(' ')}`);
  }
  return { allocation, allocationSize, offset, size };
}

/** Device memory, each allocation backed when it is first touched. */
export interface DeviceMemory {
  /** The place's bytes, shared with everybody who asks for them. */
  view(place: Place): Uint8Array;
  free(allocation: number): void;
  /** Copies from, or to, the memory shared with the host. */
  write(place: Place): void;
  read(place: Place): void;
}

export function createMemory(): DeviceMemory {
  const allocations = new Map<number, ArrayBuffer>();

  function backing({ allocation, allocationSize }: Place): ArrayBuffer {
    const known = allocations.get(allocation);
    if (known !== undefined) return known;
    const fresh = new ArrayBuffer(Math.ceil(allocationSize / 8) * 8);
    new Uint32Array(fresh).fill(garbage);
    allocations.set(allocation, fresh);
    return fresh;
  }

  const view = (place: Place) => new Uint8Array(backing(place), place.offset, place.size);
  return {
    view,
    free: (allocation) => void allocations.delete(allocation),
    write(place) {
      const bytes = view(place);
      for (let done = 0; done < bytes.length; ) done += readSync(staging, bytes, done, bytes.length - done, done);
    },
    read(place) {
      const bytes = view(place);
      for (let done = 0; done < bytes.length; ) done += writeSync(staging, bytes, done, bytes.length - done, done);
    },
  };
}
