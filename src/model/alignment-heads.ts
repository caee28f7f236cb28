import type { Checkpoint } from './checkpoint.ts';
import type { ModelDimensions } from './dimensions.ts';

type Heads = readonly (readonly [layer: number, head: number])[];

/** Heads of the released models, by decoder layers and vocabulary. Source: openai/whisper __init__.py, _ALIGNMENT_HEADS. */
const released: Readonly<Record<string, Heads>> = {
  'tiny.en': heads('1.0 2.0 2.5 3.0 3.1 3.2 3.3 3.4'),
  tiny: heads('2.2 3.0 3.2 3.3 3.4 3.5'),
  'base.en': heads('3.3 4.7 5.1 5.5 5.7'),
  base: heads('3.1 4.2 4.3 4.7 5.1 5.2 5.4 5.6'),
  small: heads('5.3 5.9 8.0 8.4 8.7 8.8 9.0 9.7 9.9 10.5'),
  medium: heads('13.15 15.4 15.15 16.1 20.0 23.4'),
  'medium.en': heads(
    '11.4 14.1 14.12 14.14 15.4 16.0 16.4 16.9 17.12 17.14 18.7 18.10 18.15 20.0 20.3 20.9 20.14 21.12',
  ),
  'large-v3': heads('7.0 10.17 12.18 13.12 16.1 17.14 19.11 21.4 24.1 25.6'),
  turbo: heads('2.4 2.11 3.3 3.6 3.11 3.14'),
};

/**
 * The decoder heads whose cross-attention follows the audio's time: what the checkpoint says, else the table of the
 * released models, else every head of the upper half of the layers, as openai/whisper does (model.py).
 */
export function alignmentHeads({ dimensions, generation }: Pick<Checkpoint, 'dimensions' | 'generation'>): Heads {
  if (generation.alignmentHeads.length > 0) return generation.alignmentHeads;
  return released[releasedName(dimensions)] ?? upperHalf(dimensions);
}

/** What the released model of these sizes is called; empty for sizes that two models share, or none. */
function releasedName({ nAudioLayer, nTextLayer, nTextState, nVocab }: ModelDimensions): string {
  const sizes: Readonly<Record<string, string>> = {
    '4-4-384': 'tiny',
    '6-6-512': 'base',
    '12-12-768': 'small',
    '24-24-1024': 'medium',
  };
  const size = sizes[`${nAudioLayer}-${nTextLayer}-${nTextState}`];
  if (nVocab === 51864) return size === undefined ? '' : `${size}.en`;
  if (nVocab === 51865) return size ?? '';
  if (nAudioLayer !== 32 || nTextState !== 1280) return '';
  return ({ 32: 'large-v3', 4: 'turbo' } as const)[nTextLayer] ?? '';
}

function upperHalf({ nTextHead, nTextLayer }: ModelDimensions): Heads {
  const first = Math.floor(nTextLayer / 2);
  return Array.from({ length: (nTextLayer - first) * nTextHead }, (_, i) => [
    first + Math.floor(i / nTextHead),
    i % nTextHead,
  ]);
}

function heads(text: string): Heads {
  return text.split(' ').map((pair) => {
    const [layer = 0, head = 0] = pair.split('.').map(Number);
    return [layer, head];
  });
}
