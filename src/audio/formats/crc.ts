/** A cyclic redundancy check, most significant bit first, beginning with 0. */
export type Crc = (bytes: Uint8Array, start: number, end: number) => number;

function createCrc(nBits: 8 | 16 | 32, polynomial: number): Crc {
  const shift = nBits - 8;
  const mask = nBits === 32 ? -1 : (1 << nBits) - 1;
  const table = Int32Array.from({ length: 256 }, (_, byte) => {
    let value = byte << shift;
    for (let bit = 0; bit < 8; bit++) value = (value >> (nBits - 1)) & 1 ? (value << 1) ^ polynomial : value << 1;
    return value & mask;
  });
  return (bytes, start, end) => {
    let value = 0;
    for (let i = start; i < end; i++)
      value = ((value << 8) & mask) ^ (table[((value >>> shift) ^ (bytes[i] as number)) & 0xff] as number);
    return value >>> 0;
  };
}

/** Of FLAC frame headers (RFC 9639 §9.1.8). */
export const crc8 = createCrc(8, 0x07);
/** Of FLAC frames (RFC 9639 §9.3). */
export const crc16 = createCrc(16, 0x8005);
/** Of Ogg pages (RFC 3533 §6). */
export const crc32 = createCrc(32, 0x04c11db7);
