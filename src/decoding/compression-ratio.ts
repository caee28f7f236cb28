import { deflate } from 'pako';

/**
 * How much shorter a text becomes when deflated; a text that repeats itself becomes much shorter. Thresholds for it are
 * openai/whisper's, who deflates with the zlib of Python (utils.py): so does pako, to the byte. The zlib of Node is another
 * one, whose ratios of short sequences differ by up to a tenth.
 */
export function compressionRatio(text: string): number {
  const bytes = Buffer.from(text);
  return bytes.length / deflate(bytes).length;
}
