import type { ByteSource } from './byte-source.ts';
import { allowEventLoop } from './event-loop.ts';

/** Several of the largest pages and frames, so that they are rarely moved to the buffer's start. */
const bufferBytes = 262_144;

/**
 * Bytes read forward, with a look at those to come: formats are told by their first bytes, frames by the next header.
 * All decoders read through it and do little work between two reads, so this is where they give way to the event loop and
 * hear that they are no longer wanted.
 */
export class PeekSource implements ByteSource {
  readonly name: string;
  readonly sizeBytes: number | undefined;
  readonly readTail?: (sizeBytes: number) => Promise<Uint8Array>;
  readonly #source: ByteSource;
  readonly #signal: AbortSignal | undefined;
  #buffer = new Uint8Array(bufferBytes);
  #start = 0;
  #end = 0;
  #atEnd = false;

  /** @param signal its reason is thrown by reads once it is aborted */
  constructor(source: ByteSource, signal?: AbortSignal) {
    this.name = source.name;
    this.sizeBytes = source.sizeBytes;
    const { readTail } = source;
    if (readTail !== undefined) this.readTail = (sizeBytes) => readTail(sizeBytes);
    this.#source = source;
    this.#signal = signal;
  }

  /**
   * Shows the bytes to come without moving on.
   *
   * @returns at least `nBytes` of them, fewer only at the end; a view that the next call of anything may overwrite
   * @throws AudioError ('AUDIO_READ_FAILED')
   */
  async peek(nBytes: number): Promise<Uint8Array> {
    await allowEventLoop(this.#signal);
    if (this.#end - this.#start < nBytes && !this.#atEnd) {
      this.#makeRoom(nBytes);
      // Of a pipe what is asked for and no more: more may not be there yet.
      const wantedEnd = this.sizeBytes === undefined ? this.#start + nBytes : this.#buffer.length;
      const target = this.#buffer.subarray(this.#end, wantedEnd);
      const filled = await this.#source.readInto(target);
      this.#end += filled;
      this.#atEnd = filled < target.length;
    }
    return this.#buffer.subarray(this.#start, this.#end);
  }

  /** @returns how many bytes were passed over: fewer than `nBytes` only at the end */
  async skip(nBytes: number): Promise<number> {
    let left = nBytes;
    while (left > 0) {
      const held = (await this.peek(Math.min(left, 65_536))).length;
      if (held === 0) break;
      const step = Math.min(left, held);
      this.#start += step;
      left -= step;
    }
    return nBytes - left;
  }

  async readInto(target: Uint8Array): Promise<number> {
    await allowEventLoop(this.#signal);
    const held = this.#buffer.subarray(this.#start, Math.min(this.#end, this.#start + target.length));
    target.set(held);
    this.#start += held.length;
    if (held.length === target.length) return held.length;
    return held.length + (await this.#source.readInto(target.subarray(held.length)));
  }

  [Symbol.asyncDispose](): PromiseLike<void> {
    // What is held goes, too: reading on is an error from here.
    this.#end = this.#start;
    return this.#source[Symbol.asyncDispose]();
  }

  #makeRoom(nBytes: number): void {
    if (this.#start + nBytes <= this.#buffer.length) return;
    const held = this.#buffer.subarray(this.#start, this.#end);
    if (nBytes > this.#buffer.length) {
      // Twice as much as is asked for, or every small step would move all that is held.
      const larger = new Uint8Array(2 * nBytes);
      larger.set(held);
      this.#buffer = larger;
    } else {
      this.#buffer.set(held);
    }
    this.#end = held.length;
    this.#start = 0;
  }
}
