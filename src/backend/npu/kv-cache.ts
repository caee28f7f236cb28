import { closeAfter } from '../../errors.ts';
import type { BufferSlice, Command, NativeBuffer, NativeDevice } from './addon.ts';
import { part } from './device-memory.ts';

/**
 * Keys and values of texts on the device: per window a region of `stride` rows, one behind the other. Rows that nothing
 * has been written to yet have weight 0 in the attention, but 0 times NaN would be NaN: the memory is zeroed once.
 */
export class KvCache {
  readonly rowBytes: number;
  readonly #device: NativeDevice;
  #buffer: NativeBuffer;
  #windows: number;
  #stride: number;

  private constructor(device: NativeDevice, rowBytes: number, buffer: NativeBuffer, windows: number, stride: number) {
    this.#device = device;
    this.rowBytes = rowBytes;
    this.#buffer = buffer;
    this.#windows = windows;
    this.#stride = stride;
  }

  static async open(device: NativeDevice, rowBytes: number, windows: number, stride: number): Promise<KvCache> {
    const buffer = await zeroed(device, windows * stride * rowBytes);
    return new KvCache(device, rowBytes, buffer, windows, stride);
  }

  /** Rows of each region. */
  get stride(): number {
    return this.#stride;
  }

  /** Rows that a single region could have without more memory. */
  get rowCount(): number {
    return Math.floor(this.#buffer.sizeBytes / this.rowBytes);
  }

  /** Rows of a window's region, from `from` on; they may reach into the regions behind it. */
  rows(window: number, from: number, count: number): BufferSlice {
    const all = { buffer: this.#buffer, offset: 0, sizeBytes: this.#buffer.sizeBytes };
    return part(all, (window * this.#stride + from) * this.rowBytes, count * this.rowBytes);
  }

  /**
   * Makes regions of that size for so many windows.
   *
   * @param used rows at the beginning of each region that keep what they hold
   */
  async layOut(windows: number, stride: number, used: number): Promise<void> {
    if (stride === this.#stride && windows <= this.#windows) return;
    // A single region begins where it began, whatever its size.
    const stays = used === 0 || windows === 1;
    if (!stays || windows * stride > this.rowCount) {
      const kept = Array.from({ length: used > 0 ? Math.min(windows, this.#windows) : 0 }, (_, window) => ({
        from: this.rows(window, 0, used),
        offset: window * stride * this.rowBytes,
      }));
      const before = this.#buffer;
      this.#buffer = await zeroed(this.#device, windows * stride * this.rowBytes, kept);
      await before.close();
    }
    this.#windows = windows;
    this.#stride = stride;
  }

  close(): Promise<void> {
    return this.#buffer.close();
  }
}

interface Kept {
  readonly from: BufferSlice;
  readonly offset: number;
}

/** Memory of zeros, but for what is copied into it. */
async function zeroed(device: NativeDevice, sizeBytes: number, kept: readonly Kept[] = []): Promise<NativeBuffer> {
  const buffer = await device.allocate(sizeBytes);
  try {
    await device.submit([
      { kind: 'fill', to: { buffer, offset: 0, sizeBytes }, value: 0 },
      ...kept.map(({ from, offset }) => {
        return { kind: 'copy', from, to: { buffer, offset, sizeBytes: from.sizeBytes } } as const;
      }),
    ]);
  } catch (error) {
    return closeAfter(error, () => buffer.close());
  }
  return buffer;
}

/** Copies of a text's rows, wherever they lie, to the beginning of a cache of its own. */
export function gathering(cache: KvCache, window: number, rows: readonly number[], single: KvCache): Command[] {
  const copies: Command[] = [];
  for (let to = 0; to < rows.length; ) {
    const from = rows[to] ?? 0;
    let count = 1;
    while (rows[to + count] === from + count) count++;
    copies.push({ kind: 'copy', from: cache.rows(window, from, count), to: single.rows(0, to, count) });
    to += count;
  }
  return copies;
}
