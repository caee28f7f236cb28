import type { OggPage } from './ogg-pages.ts';

/** Puts the packets of one stream together from its pages. */
export interface PacketAssembler {
  /** @returns the packets that end on this page, each a copy */
  push(page: OggPage): Uint8Array[];
}

/** Far more than any packet of sound takes, and than pictures in comments do. */
const maxPacketBytes = 2 ** 26;

/** @param onGap told when pages between two are missing */
export function createPacketAssembler(onGap: () => void): PacketAssembler {
  let begun: Uint8Array[] = [];
  let begunBytes = 0;
  let nextSequence: number | undefined;

  function push(page: OggPage): Uint8Array[] {
    const hasGap = nextSequence !== undefined && page.sequence !== nextSequence;
    nextSequence = page.sequence + 1;
    if (hasGap) onGap();
    if (hasGap || !page.isContinued) begun = [];
    // What goes on here and began on a page that is missing has no use.
    const isOrphan = page.isContinued && begun.length === 0;
    const packets: Uint8Array[] = [];
    for (const [i, segment] of page.segments.entries()) {
      begunBytes = begun.length === 0 ? segment.length : begunBytes + segment.length;
      if (begunBytes <= maxPacketBytes) begun.push(segment.slice());
      if (i === page.segments.length - 1 && !page.isComplete) break;
      if (i > 0 || !isOrphan) packets.push(Buffer.concat(begun));
      begun = [];
    }
    return packets;
  }

  return { push };
}
