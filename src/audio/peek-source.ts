import type { ByteSource } from './byte-source.ts';

/** Several of the largest pages and frames, so that they are rarely moved to the buffer's start. */
const bufferBytes = 262_144;

/** Bytes read forward, with a look at those to come: formats are told by their first bytes, frames by the next header. */
export class PeekSource implements ByteSource {
  readonly name: string;
  readonly sizeBytes: number | undefined;
  readonly readTail?: (sizeBytes: number) => Promise<Uint8Array>;
  readonly #source: ByteSource;
  #buffer = new Uint8Array(bufferBytes);
  #start = 0;
  #end = 0;
  #atEnd = false;

  constructor(source: ByteSource) {
    this.name = source.name;
    this.sizeBytes = source.sizeBytes;
    const { readTail } = source;
    if (readTail !== undefined) this.readTail = (sizeBytes) => readTail(sizeBytes);
    this.#source = source;
  }

  /**
   * Shows the bytes to come without moving on.
   *
   * @returns at least `nBytes` of them, fewer only at the end; a view that the next call of anything may overwrite
   * @throws AudioError ('AUDIO_READ_FAILED')
   */
  async peek(nBytes: number): Promise<Uint8Array> {
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
      const larger = new Uint8Array(Math.max(nBytes, 2 * this.#buffer.length));
      larger.set(held);
      this.#buffer = larger;
    } else {
      this.#buffer.set(held);
    }
    this.#end = held.length;
    this.#start = 0;
  }
}
