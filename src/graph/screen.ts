import type { WeightShape } from './weights.ts';

/** Names of the embedding's 8-bit copy in the weights file. */
export const screenNames = { values: 'screen.values', scales: 'screen.scales' } as const;

/** Weights that share a scale: the most that MatMulNBits takes and the row is a multiple of, up to 128. */
export function blockSize(state: number): number {
  const size = [128, 64, 32, 16].find((candidate) => state % candidate === 0);
  if (size === undefined) throw new RangeError(`a state of ${state} is not a multiple of 16`);
  return size;
}

/** Types and shapes of the copy, as MatMulNBits wants them. */
export function screenShapes(nVocab: number, state: number): [name: string, WeightShape][] {
  const size = blockSize(state);
  const blocks = state / size;
  return [
    [screenNames.values, { type: 'u8', shape: [nVocab, blocks, size] }],
    [screenNames.scales, { type: 'f32', shape: [nVocab * blocks] }],
  ];
}

/**
 * The embedding in 8 bits: each block of a row is scaled so that its largest magnitude becomes 127; 0 is stored as 128.
 *
 * @param rows f32 [nVocab, state]
 */
export function screenEmbedding(rows: Float32Array, state: number): { values: Uint8Array; scales: Float32Array } {
  const size = blockSize(state);
  const values = new Uint8Array(rows.length);
  const scales = new Float32Array(rows.length / size);
  for (let block = 0; block < scales.length; block++) {
    const start = block * size;
    let largest = 0;
    for (let i = start; i < start + size; i++) largest = Math.max(largest, Math.abs(rows[i] as number));
    const scale = largest / 127 || 1;
    scales[block] = scale;
    for (let i = start; i < start + size; i++) values[i] = Math.round((rows[i] as number) / scale) + 128;
  }
  return { values, scales };
}
