import { expect, test } from 'vitest';
import { compressionRatio } from '../../src/decoding/compression-ratio.ts';

/** Texts and `len(zlib.compress(text.encode()))` of Python 3.11 with zlib 1.2.13. */
const deflatedSizes: readonly (readonly [text: string, sizeBytes: number])[] = [
  ['', 8],
  ['Thank you.', 18],
  ['and, and,', 15],
  ['you the thank, you the thank, you the thank, you the thank,', 24],
  ['the the the the the the the the the the the the', 15],
  ['Ja, ja, ja, ja, ja, ja.', 15],
  ['ご視聴ありがとうございました ご視聴ありがとうございました', 57],
];

test.each(deflatedSizes)('%j is deflated to the %i bytes of Python', (text, sizeBytes) => {
  expect(compressionRatio(text)).toBe(Buffer.byteLength(text) / sizeBytes);
});

test('a text of four repetitions stands on the side of the threshold where openai/whisper has it', () => {
  expect(compressionRatio('you the thank, you the thank, you the thank, you the thank,')).toBeGreaterThan(2.4);
});
