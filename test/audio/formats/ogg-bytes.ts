import { crc32 } from '../../../src/audio/formats/crc.ts';

export interface PageOptions {
  serial?: number;
  sequence?: number;
  granule?: bigint;
  isContinued?: boolean;
  isFirst?: boolean;
  isLast?: boolean;
  /** whether the last packet goes on on the next page */
  isOpen?: boolean;
}

/** One page. Its last packet must be a multiple of 255 bytes long to be left open. */
export function pageBytes(packets: readonly Uint8Array[], options: PageOptions = {}): Buffer {
  const { serial = 1, sequence = 0, granule = 0n, isContinued, isFirst, isLast, isOpen } = options;
  const laces = packets.flatMap((packet, i) => {
    const full = Array<number>(Math.floor(packet.length / 255)).fill(255);
    return isOpen && i === packets.length - 1 ? full : [...full, packet.length % 255];
  });
  const header = Buffer.alloc(27);
  header.write('OggS');
  header[5] = (isContinued ? 1 : 0) + (isFirst ? 2 : 0) + (isLast ? 4 : 0);
  header.writeBigInt64LE(granule, 6);
  header.writeUInt32LE(serial, 14);
  header.writeUInt32LE(sequence, 18);
  header[26] = laces.length;
  const page = Buffer.concat([header, Buffer.from(laces), ...packets]);
  page.writeUInt32LE(crc32(page, 0, page.length), 22);
  return page;
}

/** A stream: a page for each packet, the first and the last marked. */
export function streamBytes(
  packets: readonly Uint8Array[],
  granules: readonly bigint[],
  serial = 1,
  { isEnded = true } = {},
): Buffer[] {
  return packets.map((packet, i) =>
    pageBytes([packet], {
      serial,
      sequence: i,
      granule: granules[i] ?? 0n,
      isFirst: i === 0,
      isLast: isEnded && i === packets.length - 1,
    }),
  );
}

/** The pages of a file, as they are. */
export function splitPages(bytes: Uint8Array): Buffer[] {
  const file = Buffer.from(bytes);
  const pages: Buffer[] = [];
  for (let start = 0; start < file.length; start += pages.at(-1)?.length ?? file.length) {
    const nSegments = file[start + 26] ?? 0;
    const laces = file.subarray(start + 27, start + 27 + nSegments);
    pages.push(file.subarray(start, start + 27 + nSegments + laces.reduce((sum, lace) => sum + lace, 0)));
  }
  return pages;
}

/** The same page in another stream or place. */
export function relabelled(page: Uint8Array, { serial, sequence }: { serial?: number; sequence?: number }): Buffer {
  const copy = Buffer.from(page);
  if (serial !== undefined) copy.writeUInt32LE(serial, 14);
  if (sequence !== undefined) copy.writeUInt32LE(sequence, 18);
  copy.writeUInt32LE(0, 22);
  copy.writeUInt32LE(crc32(copy, 0, copy.length), 22);
  return copy;
}
