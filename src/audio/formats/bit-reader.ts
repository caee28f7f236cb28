/** A place in bytes, counted in bits; functions below move it on. Reading behind the end gives zeros. */
export interface BitReader {
  readonly bytes: Uint8Array;
  bit: number;
}

/** The next `nBits` (0 to 32), most significant first. */
export function readUnsigned(reader: BitReader, nBits: number): number {
  let value = 0;
  for (let left = nBits; left > 0; ) {
    const inByte = reader.bit & 7;
    const taken = Math.min(8 - inByte, left);
    const byte = reader.bytes[reader.bit >> 3] ?? 0;
    value = value * 2 ** taken + ((byte >> (8 - inByte - taken)) & (2 ** taken - 1));
    reader.bit += taken;
    left -= taken;
  }
  return value;
}

/** The same as a two's complement, of up to 33 bits. */
export function readSigned(reader: BitReader, nBits: number): number {
  if (nBits === 0) return 0;
  const isNegative = readUnsigned(reader, 1) === 1;
  const rest = readUnsigned(reader, nBits - 1);
  return isNegative ? rest - 2 ** (nBits - 1) : rest;
}

/** Counts zeros up to the next one, which is passed as well; stops at the end of the bytes. */
export function readUnary(reader: BitReader): number {
  const { bytes, bit: start } = reader;
  // What is left of the byte, then whole bytes.
  let at = start >> 3;
  let byte = (bytes[at] ?? 0) & (0xff >> (start & 7));
  while (byte === 0 && at + 1 < bytes.length) byte = bytes[++at] as number;
  const end = byte === 0 ? Math.max(start, bytes.length * 8) : at * 8 + Math.clz32(byte) - 24;
  reader.bit = byte === 0 ? end : end + 1;
  return end - start;
}

/**
 * Reads numbers in Golomb-Rice code: a quotient in unary, then `k` bits, folded so that small ones of both signs are short.
 *
 * @param into filled from `start` to `end`
 */
export function readRice(reader: BitReader, k: number, into: Float64Array, start: number, end: number): void {
  const { bytes } = reader;
  const lastWhole = bytes.length - 5;
  let { bit } = reader;
  for (let i = start; i < end; i++) {
    const at = bit >> 3;
    if (at <= lastWhole) {
      const inByte = bit & 7;
      const high = ((bytes[at] as number) << 24) | ((bytes[at + 1] as number) << 16);
      const low = ((bytes[at + 2] as number) << 8) | (bytes[at + 3] as number);
      const word = ((high | low) << inByte) | ((bytes[at + 4] as number) >> (8 - inByte));
      const zeros = Math.clz32(word);
      const used = zeros + 1 + k;
      if (used <= 32) {
        // A shift by 32 would be one by 0.
        const rest = k === 0 ? 0 : (word << (zeros + 1)) >>> (32 - k);
        const folded = (zeros << k) | rest;
        into[i] = (folded >>> 1) ^ -(folded & 1);
        bit += used;
        continue;
      }
    }
    reader.bit = bit;
    const folded = readUnary(reader) * 2 ** k + readUnsigned(reader, k);
    into[i] = folded % 2 === 0 ? folded / 2 : -(folded + 1) / 2;
    bit = reader.bit;
  }
  reader.bit = bit;
}
