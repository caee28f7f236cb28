import { oneLine } from '../../output/plain-text.ts';
import type { Segment } from '../../transcribe/segment.ts';

/** From red to green in the 256 colours most terminals have, and in the 16 that all have. */
const scales = { 256: [196, 202, 208, 214, 220, 226, 190, 154, 118, 82, 46], 16: [31, 33, 32] } as const;

/** How many colours to use; 0 for none. */
export type ColorDepth = 0 | 16 | 256;

/** Which colours a stream shows. `NO_COLOR`, `FORCE_COLOR` and `TERM` are respected. */
export function colorDepth(stream: NodeJS.WriteStream): ColorDepth {
  if (!stream.isTTY || !stream.hasColors()) return 0;
  return stream.hasColors(256) ? 256 : 16;
}

/**
 * A segment's text on one line, each word coloured by how sure the model was of it; without words the whole by the mean
 * probability of its tokens.
 */
export function coloredByConfidence(segment: Segment, depth: ColorDepth): string {
  const { text, avgLogprob, words = [] } = segment;
  const parts = words.length > 0 ? words : [{ text, probability: Math.exp(avgLogprob) }];
  return parts
    .map((part) => paint(oneLine(part.text), part.probability, depth))
    .join('')
    .trim();
}

/** Spaces stay plain. Most probabilities are near 1, so their cubes are spread over the scale, as in whisper.cpp. */
function paint(text: string, probability: number, depth: ColorDepth): string {
  const word = text.trim();
  if (depth === 0 || word === '') return text;
  const scale = scales[depth];
  const step = Math.min(scale.length - 1, Math.max(0, Math.floor(probability ** 3 * scale.length)));
  const color = depth === 256 ? `38;5;${scale[step]}` : `${scale[step]}`;
  return text.replace(word, () => `\x1b[${color}m${word}\x1b[39m`);
}
