import type { BufferSlice, Command, NativeBuffer, NativeDevice } from './addon.ts';
import { allocatePieces } from './device-memory.ts';

interface HeldMask {
  readonly slice: BufferSlice;
  /** What lies there; undefined before the first use. */
  bytes: Buffer | undefined;
}

/** A few masks of the vocabulary on the device, so that one that is used again is not sent again. */
export class Masks {
  /** Some mask's place, for bindings that get the right one before they run. */
  readonly anyPlace: BufferSlice;
  readonly #buffer: NativeBuffer;
  /** The one used last stands last. */
  #held: HeldMask[];

  private constructor(buffer: NativeBuffer, slices: readonly [BufferSlice, ...BufferSlice[]]) {
    this.anyPlace = slices[0];
    this.#buffer = buffer;
    this.#held = slices.map((slice) => ({ slice, bytes: undefined }));
  }

  static async open(device: NativeDevice, nVocab: number): Promise<Masks> {
    const size = 4 * nVocab;
    const { buffer, slices } = await allocatePieces(device, { a: size, b: size, c: size, d: size });
    return new Masks(buffer, [slices.a, slices.b, slices.c, slices.d]);
  }

  /** Where the mask lies on the device; queues an upload if it is not there yet. */
  place(mask: Float32Array, queue: Command[]): BufferSlice {
    const bytes = Buffer.from(mask.buffer, mask.byteOffset, mask.byteLength);
    const held = this.#held.find((candidate) => candidate.bytes?.equals(bytes)) ?? this.#held[0];
    if (held === undefined) throw new Error('there are places for masks');
    this.#held = [...this.#held.filter((other) => other !== held), held];
    if (!held.bytes?.equals(bytes)) {
      held.bytes = Buffer.from(bytes);
      queue.push({ kind: 'upload', to: held.slice, data: mask });
    }
    return held.slice;
  }

  /** After a failure nobody knows what has come up. */
  forget(): void {
    for (const held of this.#held) held.bytes = undefined;
  }

  close(): Promise<void> {
    return this.#buffer.close();
  }
}
