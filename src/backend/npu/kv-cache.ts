import { closeAfter } from '../../errors.ts';
import type { BufferSlice, Command, NativeBuffer, NativeDevice } from './addon.ts';
import { part } from './device-memory.ts';

/**
 * The KV cache of sequences on the device: a region of `stride` entries for each window, one after the other. Entries that have
 * not been written yet have weight 0 in the attention, but 0 times NaN would be NaN: so the memory is zeroed once.
 */
export class KvCache {
  readonly entryBytes: number;
  readonly #device: NativeDevice;
  #buffer: NativeBuffer;
  #windows: number;
  #stride: number;

  private constructor(device: NativeDevice, entryBytes: number, buffer: NativeBuffer, windows: number, stride: number) {
    this.#device = device;
    this.entryBytes = entryBytes;
    this.#buffer = buffer;
    this.#windows = windows;
    this.#stride = stride;
  }

  static async open(device: NativeDevice, entryBytes: number, windows: number, stride: number): Promise<KvCache> {
    const buffer = await zeroed(device, windows * stride * entryBytes);
    return new KvCache(device, entryBytes, buffer, windows, stride);
  }

  /** Entries of each region. */
  get stride(): number {
    return this.#stride;
  }

  /** Entries that fit into the memory, in all regions together. */
  get capacity(): number {
    return Math.floor(this.#buffer.sizeBytes / this.entryBytes);
  }

  /** Entries of a window's region from `from` on; they may reach into the next regions. */
  entries(window: number, from: number, count: number): BufferSlice {
    const all = { buffer: this.#buffer, offset: 0, sizeBytes: this.#buffer.sizeBytes };
    return part(all, (window * this.#stride + from) * this.entryBytes, count * this.entryBytes);
  }

  /**
   * Divides the memory into regions of `stride` entries for so many windows, and allocates more where that is needed.
   *
   * @param used how many entries at the beginning of each region are kept
   */
  async arrange(windows: number, stride: number, used: number): Promise<void> {
    if (stride === this.#stride && windows <= this.#windows) return;
    // A single region begins where it began, whatever its size.
    const stays = used === 0 || windows === 1;
    if (!stays || windows * stride > this.capacity) {
      const kept = Array.from({ length: used > 0 ? Math.min(windows, this.#windows) : 0 }, (_, window) => ({
        from: this.entries(window, 0, used),
        offset: window * stride * this.entryBytes,
      }));
      const before = this.#buffer;
      this.#buffer = await zeroed(this.#device, windows * stride * this.entryBytes, kept);
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

/** Allocates memory that is zero except for what is copied into it. */
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

/** The commands that copy the scattered entries of a sequence to the beginning of a cache of its own. */
export function gatherCommands(cache: KvCache, window: number, entries: readonly number[], single: KvCache): Command[] {
  const copies: Command[] = [];
  for (let to = 0; to < entries.length; ) {
    const from = entries[to] ?? 0;
    let count = 1;
    while (entries[to + count] === from + count) count++;
    copies.push({ kind: 'copy', from: cache.entries(window, from, count), to: single.entries(0, to, count) });
    to += count;
  }
  return copies;
}
