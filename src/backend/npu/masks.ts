import type { TimestampRules } from '../../logits/timestamp-rules.ts';
import type { BufferSlice, NativeBuffer, NativeDevice } from './addon.ts';

/** How many masks stay on the device; there are more only while more are in use at the same time. */
const maxCachedMasks = 4;

/** Used on the device instead of -Infinity, because the difference of two infinities is not a number. */
const maskedLogit = -1e30;

interface CachedMask {
  readonly bytes: Buffer;
  /** Where it lies, once it has been uploaded. */
  readonly uploaded: Promise<BufferSlice>;
  /** The same; undefined until then. */
  slice: BufferSlice | undefined;
  /** How many users have not released it. */
  users: number;
}

/** A mask on the device, which stays in its place until it is disposed of. */
export interface DeviceMask extends Disposable {
  readonly slice: BufferSlice;
}

/** A cache of vocabulary masks on the device: a mask that is still there is not uploaded again, and none is evicted while in use. */
export class Masks {
  /** The memory of some mask, for bindings that are rebound to the right one before they run. */
  readonly anyMask: BufferSlice;
  readonly #device: NativeDevice;
  /** Memory that holds no mask. */
  readonly #free: BufferSlice[];
  /** The most recently used one is the last. */
  #cached: CachedMask[] = [];

  private constructor(device: NativeDevice, anyMask: BufferSlice) {
    this.#device = device;
    this.anyMask = anyMask;
    this.#free = [anyMask];
  }

  static async open(device: NativeDevice, nVocab: number): Promise<Masks> {
    return new Masks(device, wholeOf(await device.allocate(4 * nVocab)));
  }

  /** Uploads a mask unless it is on the device already. */
  async take(mask: Float32Array): Promise<DeviceMask> {
    const bytes = Buffer.from(mask.buffer, mask.byteOffset, mask.byteLength);
    // The caller may change the mask later, so a copy is cached.
    const cached =
      this.#cached.findLast((candidate) => candidate.bytes.equals(bytes)) ??
      this.#uploadCopy(Buffer.from(mask.slice().buffer));
    this.#cached = [...this.#cached.filter((other) => other !== cached), cached];
    cached.users++;
    const release = () => {
      cached.users--;
    };
    try {
      return { slice: await cached.uploaded, [Symbol.dispose]: release };
    } catch (error) {
      this.#cached = this.#cached.filter((other) => other !== cached);
      throw error;
    }
  }

  #uploadCopy(bytes: Buffer): CachedMask {
    const cached: CachedMask = { bytes, uploaded: this.#upload(bytes), slice: undefined, users: 0 };
    cached.uploaded.then(
      (slice) => {
        cached.slice = slice;
      },
      () => undefined, // the caller of take() gets the error
    );
    return cached;
  }

  async #upload(bytes: Buffer): Promise<BufferSlice> {
    const numbers = new Float32Array(bytes.buffer, bytes.byteOffset, bytes.byteLength / 4);
    const data = numbers.map((value) => Math.max(value, maskedLogit));
    const slice = this.#free.pop() ?? this.#evictIdle() ?? wholeOf(await this.#device.allocate(bytes.byteLength));
    try {
      await this.#device.submit([{ kind: 'upload', to: slice, data }]);
      return slice;
    } catch (error) {
      this.#free.push(slice);
      throw error;
    }
  }

  /** Evicts the least recently used mask that is not in use, if there are enough, and returns its memory. */
  #evictIdle(): BufferSlice | undefined {
    const idle = this.#cached.find(({ users, slice }) => users === 0 && slice !== undefined);
    if (idle === undefined || this.#cached.length < maxCachedMasks) return undefined;
    this.#cached = this.#cached.filter((other) => other !== idle);
    return idle.slice;
  }
}

function wholeOf(buffer: NativeBuffer): BufferSlice {
  return { buffer, offset: 0, sizeBytes: buffer.sizeBytes };
}

/** A mask with the no-timestamps token masked as well, where timestamp rules are in effect. */
export function forMask(mask: Float32Array, rules: TimestampRules | undefined): Float32Array {
  if (rules === undefined || mask[rules.noTimestamps] === Number.NEGATIVE_INFINITY) return mask;
  const copy = mask.slice();
  copy[rules.noTimestamps] = Number.NEGATIVE_INFINITY;
  return copy;
}
