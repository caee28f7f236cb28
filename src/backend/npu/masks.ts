import type { TimestampRules } from '../../logits/timestamp-rules.ts';
import type { BufferSlice, NativeBuffer, NativeDevice } from './addon.ts';

/** Places that are kept with what lies in them; more than that are made only where as many texts use masks of their own. */
const keptPlaces = 4;

/** On the device instead of -Infinity: differences of infinities are no numbers. */
const forbidden = -1e30;

interface HeldMask {
  readonly bytes: Buffer;
  /** Where it lies, once it has come up. */
  readonly place: Promise<BufferSlice>;
  /** The same; undefined before. */
  slice: BufferSlice | undefined;
  /** Texts that need it to stay there. */
  users: number;
}

/** A mask on the device, which stays where it is until its user disposes of it. */
export interface PlacedMask extends Disposable {
  readonly slice: BufferSlice;
}

/** Masks of the vocabulary on the device: one that is used again is not sent again, and none gives way while it is used. */
export class Masks {
  /** A mask's place, for bindings that get the right one before they run. */
  readonly anyPlace: BufferSlice;
  readonly #device: NativeDevice;
  /** Places of no mask. */
  readonly #free: BufferSlice[];
  /** The one used last stands last. */
  #held: HeldMask[] = [];

  private constructor(device: NativeDevice, anyPlace: BufferSlice) {
    this.#device = device;
    this.anyPlace = anyPlace;
    this.#free = [anyPlace];
  }

  static async open(device: NativeDevice, nVocab: number): Promise<Masks> {
    return new Masks(device, wholeOf(await device.allocate(4 * nVocab)));
  }

  /** Brings a mask to the device if it is not there. */
  async take(mask: Float32Array): Promise<PlacedMask> {
    const bytes = Buffer.from(mask.buffer, mask.byteOffset, mask.byteLength);
    // Its owner may change it later: what is held is a copy.
    const held =
      this.#held.findLast((candidate) => candidate.bytes.equals(bytes)) ??
      this.#bringUp(Buffer.from(mask.slice().buffer));
    this.#held = [...this.#held.filter((other) => other !== held), held];
    held.users++;
    const release = () => {
      held.users--;
    };
    try {
      return { slice: await held.place, [Symbol.dispose]: release };
    } catch (error) {
      this.#held = this.#held.filter((other) => other !== held);
      throw error;
    }
  }

  #bringUp(bytes: Buffer): HeldMask {
    const held: HeldMask = { bytes, place: this.#upload(bytes), slice: undefined, users: 0 };
    held.place.then(
      (slice) => {
        held.slice = slice;
      },
      () => undefined, // who takes it is told
    );
    return held;
  }

  async #upload(bytes: Buffer): Promise<BufferSlice> {
    const numbers = new Float32Array(bytes.buffer, bytes.byteOffset, bytes.byteLength / 4);
    const data = numbers.map((value) => Math.max(value, forbidden));
    const slice = this.#free.pop() ?? this.#idlePlace() ?? wholeOf(await this.#device.allocate(bytes.byteLength));
    try {
      await this.#device.submit([{ kind: 'upload', to: slice, data }]);
      return slice;
    } catch (error) {
      this.#free.push(slice);
      throw error;
    }
  }

  /** The place of the mask that has not been used for longest, if there are enough that nobody uses. */
  #idlePlace(): BufferSlice | undefined {
    const idle = this.#held.find(({ users, slice }) => users === 0 && slice !== undefined);
    if (idle === undefined || this.#held.length < keptPlaces) return undefined;
    this.#held = this.#held.filter((other) => other !== idle);
    return idle.slice;
  }
}

function wholeOf(buffer: NativeBuffer): BufferSlice {
  return { buffer, offset: 0, sizeBytes: buffer.sizeBytes };
}

/** A mask that holds wherever the rules of timestamps do as well, if they do. */
export function forMask(mask: Float32Array, rules: TimestampRules | undefined): Float32Array {
  if (rules === undefined || mask[rules.noTimestamps] === Number.NEGATIVE_INFINITY) return mask;
  const copy = mask.slice();
  copy[rules.noTimestamps] = Number.NEGATIVE_INFINITY;
  return copy;
}
