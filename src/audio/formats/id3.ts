import type { PeekSource } from '../peek-source.ts';
import { id3Bytes } from './mp3-header.ts';

/** Passes over ID3 tags, which stand before MP3 and, at times, other formats. One larger than the file is none. */
export async function skipTags(source: PeekSource): Promise<void> {
  let offset = 0;
  for (;;) {
    const tagBytes = id3Bytes(await source.peek(10));
    if (tagBytes === 0 || offset + tagBytes > (source.sizeBytes ?? Number.POSITIVE_INFINITY)) return;
    offset += await source.skip(tagBytes);
  }
}
