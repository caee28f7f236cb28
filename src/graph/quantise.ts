import type { WeightShape } from './weights.ts';

/**
 * How the weights of a linear layer are quantised to int8.
 *
 * - `columns`: one scale per output, for layers with many rows. Activations are quantised with a scale per row, and the product is
 *   computed in integers.
 * - `blocks`: one scale per {@link blockSize} weights of an output, for layers with few rows, which are bound by reading the weights.
 */
export type Quantisation = 'columns' | 'blocks';

/** How the int8 model stores a tensor of the checkpoint; undefined for tensors that stay f32. */
export function quantisationOf(name: string, { length }: readonly number[]): Quantisation | undefined {
  if (length !== 2 || !name.includes('.layers.')) return undefined;
  const seesAudio = name.startsWith('model.encoder.') || /\.encoder_attn\.[kv]_proj\./.test(name);
  return seesAudio ? 'columns' : 'blocks';
}

/** The names in the weights file of a quantised weight. */
export const quantisedNames = (weight: string, kind: Quantisation) =>
  ({ values: `${weight}.${kind}`, scales: `${weight}.scales` }) as const;

/** The types and shapes of a quantised weight [outputs, inputs]. */
export function quantisedShapes(
  weight: string,
  kind: Quantisation,
  [outputs = 0, inputs = 0]: readonly number[],
): [name: string, WeightShape][] {
  const { values, scales } = quantisedNames(weight, kind);
  if (kind === 'columns') {
    return [
      [values, { type: 'i8', shape: [inputs, outputs] }],
      [scales, { type: 'f32', shape: [outputs] }],
    ];
  }
  const size = blockSize(inputs);
  const blocks = inputs / size;
  return [
    [values, { type: 'u8', shape: [outputs, blocks, size] }],
    [scales, { type: 'f32', shape: [outputs * blocks] }],
  ];
}

/** @param rows f32 [outputs, inputs] */
export function quantise(kind: Quantisation, rows: Float32Array, inputs: number): Quantised {
  return kind === 'columns' ? quantiseColumns(rows, inputs) : quantiseBlocks(rows, inputs);
}

export interface Quantised {
  readonly values: Uint8Array | Int8Array;
  readonly scales: Float32Array;
}

/** Weights that share a scale: the largest power of 2 up to 128 that the row is a multiple of, at least 16. */
export function blockSize(inputs: number): number {
  const size = [128, 64, 32, 16].find((candidate) => inputs % candidate === 0);
  if (size === undefined) throw new RangeError(`a state of ${inputs} is not a multiple of 16`);
  return size;
}

/**
 * Each block of a row is scaled so that its largest magnitude becomes 127; the zero point is 128.
 *
 * @param rows f32 [outputs, inputs]
 */
function quantiseBlocks(rows: Float32Array, inputs: number): Quantised {
  const size = blockSize(inputs);
  const values = new Uint8Array(rows.length);
  const scales = new Float32Array(rows.length / size);
  for (let block = 0; block < scales.length; block++) {
    const start = block * size;
    const scale = largestOf(rows, start, size) / 127 || 1;
    scales[block] = scale;
    for (let i = start; i < start + size; i++) values[i] = Math.round((rows[i] as number) / scale) + 128;
  }
  return { values, scales };
}

/**
 * Each output is scaled so that its largest weight becomes 127; the result is transposed to [inputs, outputs].
 *
 * @param rows f32 [outputs, inputs]
 */
function quantiseColumns(rows: Float32Array, inputs: number): Quantised {
  const outputs = rows.length / inputs;
  const values = new Int8Array(rows.length);
  const scales = new Float32Array(outputs);
  for (let output = 0; output < outputs; output++) {
    const start = output * inputs;
    const scale = largestOf(rows, start, inputs) / 127 || 1;
    scales[output] = scale;
    for (let i = 0; i < inputs; i++) values[i * outputs + output] = Math.round((rows[start + i] as number) / scale);
  }
  return { values, scales };
}

function largestOf(values: Float32Array, start: number, count: number): number {
  let largest = 0;
  for (let i = start; i < start + count; i++) largest = Math.max(largest, Math.abs(values[i] as number));
  return largest;
}
