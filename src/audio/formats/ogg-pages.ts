import type { PeekSource } from '../peek-source.ts';
import { crc32 } from './crc.ts';
import { createTrialBudget } from './trial-budget.ts';

/** A page of an Ogg stream (RFC 3533 §6). */
export interface OggPage {
  /** which of the streams that are interleaved */
  readonly serial: number;
  /** counts from 0 within its stream */
  readonly sequence: number;
  readonly isFirst: boolean;
  readonly isLast: boolean;
  /** whether its first segment goes on with the packet that the page before began */
  readonly isContinued: boolean;
  /** where the last packet that ends here ends, in the codec's own units; undefined when none ends */
  readonly granule: number | undefined;
  /** parts of packets, each a view that the next page overwrites */
  readonly segments: readonly Uint8Array[];
  /** whether the last of them ends its packet */
  readonly isComplete: boolean;
}

const headerBytes = 27;
const maxPageBytes = headerBytes + 255 + 255 * 255;

/** Reads pages one after the other. Bytes that belong to no page, or to one that fails its checksum, are passed over. */
export async function* oggPages(source: PeekSource, onDamage: (what: string) => void): AsyncGenerator<OggPage> {
  const trials = createTrialBudget();
  let isInStep = true;
  for (;;) {
    const sizeBytes = trials.isLeft ? pageBytes(await source.peek(headerBytes + 255)) : undefined;
    const bytes = sizeBytes === undefined ? undefined : (await source.peek(sizeBytes)).subarray(0, sizeBytes);
    if (bytes !== undefined && bytes.length === sizeBytes && isIntact(bytes)) {
      // Of what is lost at the end the page that says so is missing, too.
      if (!isInStep) onDamage('a page fails its checksum');
      isInStep = true;
      yield parsePage(bytes);
      trials.earn(await source.skip(sizeBytes));
    } else {
      trials.spend(bytes?.length ?? 0);
      const step = await bytesToNextPage(source);
      if (step === undefined) return;
      isInStep = false;
      trials.earn(await source.skip(step));
    }
  }
}

/** The length of the page that begins here, undefined where none does or its header is cut off. */
function pageBytes(bytes: Uint8Array): number | undefined {
  const nSegments = bytes[26];
  if (!isCapture(bytes, 0) || bytes[4] !== 0 || nSegments === undefined) return undefined;
  const laces = bytes.subarray(headerBytes, headerBytes + nSegments);
  if (laces.length < nSegments) return undefined;
  return laces.reduce((sum, lace) => sum + lace, headerBytes + nSegments);
}

function isCapture(bytes: Uint8Array, offset: number): boolean {
  return (
    bytes[offset] === 0x4f && bytes[offset + 1] === 0x67 && bytes[offset + 2] === 0x67 && bytes[offset + 3] === 0x53
  );
}

/** The checksum is that of the page with its own four bytes at 0. */
function isIntact(page: Uint8Array): boolean {
  const zeroed = Uint8Array.from(page).fill(0, 22, 26);
  return crc32(zeroed, 0, zeroed.length) === new DataView(page.buffer, page.byteOffset).getUint32(22, true);
}

function parsePage(bytes: Uint8Array): OggPage {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const flags = view.getUint8(5);
  const granule = view.getBigInt64(6, true);
  const laces = bytes.subarray(headerBytes, headerBytes + view.getUint8(26));
  const segments: Uint8Array[] = [];
  let start = headerBytes + laces.length;
  let end = start;
  for (const [i, lace] of laces.entries()) {
    end += lace;
    // 255 says that the packet goes on in the next lace.
    if (lace === 255 && i < laces.length - 1) continue;
    segments.push(bytes.subarray(start, end));
    start = end;
  }
  return {
    serial: view.getUint32(14, true),
    sequence: view.getUint32(18, true),
    isContinued: (flags & 1) !== 0,
    isFirst: (flags & 2) !== 0,
    isLast: (flags & 4) !== 0,
    granule: granule === -1n ? undefined : Number(granule),
    segments,
    isComplete: laces.at(-1) !== 255,
  };
}

/** @returns how far the next place is where a page may begin, undefined at the end */
async function bytesToNextPage(source: PeekSource): Promise<number | undefined> {
  const bytes = await source.peek(headerBytes + 255);
  if (bytes.length === 0) return undefined;
  for (let offset = bytes.indexOf(0x4f, 1); offset >= 0; offset = bytes.indexOf(0x4f, offset + 1))
    if (isCapture(bytes, offset)) return offset;
  const isEnd = bytes.length < headerBytes + 255;
  return isEnd ? bytes.length : bytes.length - 3;
}

/**
 * Where the last page of a stream ends, by its granule.
 *
 * @param tail the last bytes of the file
 */
export function lastGranule(tail: Uint8Array, serial: number): number | undefined {
  const view = new DataView(tail.buffer, tail.byteOffset, tail.length);
  for (
    let offset = tail.lastIndexOf(0x4f);
    offset >= 0;
    offset = offset > 0 ? tail.lastIndexOf(0x4f, offset - 1) : -1
  ) {
    if (!isCapture(tail, offset) || offset + headerBytes > tail.length) continue;
    const granule = view.getBigInt64(offset + 6, true);
    if (view.getUint32(offset + 14, true) === serial && granule >= 0n) return Number(granule);
  }
  return undefined;
}

/** Bytes at the end of a file that hold its last page. */
export const tailBytes = 2 * maxPageBytes;
