import type { Checkpoint } from '../model/checkpoint.ts';
import { readTensor } from '../model/tensor.ts';

/**
 * How much of the range of loud channels moves from the activations, whose rows share one scale, into the weights, whose
 * outputs do (alpha of SmoothQuant, arXiv 2211.10438). Of 0, 0.5 and 0.7 this left the least error of whisper-base.
 */
const alpha = 0.7;

/** How many standard deviations of a normalised channel count as its range: SmoothQuant measures it, this needs no recordings. */
const spread = 4;

/** Per encoder layer, each layer norm and the linear layers that read it and nothing else. */
const readers = {
  self_attn_layer_norm: ['self_attn.q_proj', 'self_attn.k_proj', 'self_attn.v_proj'],
  final_layer_norm: ['fc1'],
};

/** Factors of channels, by the tensors that they belong into. */
export interface Smoothing {
  /** Weights and biases of layer norms are divided by them. */
  readonly divided: ReadonlyMap<string, Float32Array>;
  /** Weights of linear layers, [outputs, inputs], are multiplied by them, input by input. */
  readonly multiplied: ReadonlyMap<string, Float32Array>;
}

/**
 * Factors that make channels behind the encoder's layer norms equally loud without changing what the layers compute: in 8
 * bits a few loud channels would leave the others a handful of steps.
 */
export async function smoothingFactors({ tensors, dimensions }: Checkpoint): Promise<Smoothing> {
  const divided = new Map<string, Float32Array>();
  const multiplied = new Map<string, Float32Array>();
  const read = (name: string) => {
    const entry = tensors.get(name);
    if (entry === undefined) throw new Error(`the checkpoint has no tensor ${name}`);
    return readTensor(entry);
  };
  for (let layer = 0; layer < dimensions.nAudioLayer; layer++) {
    for (const [norm, linears] of Object.entries(readers)) {
      const path = `model.encoder.layers.${layer}`;
      const names = linears.map((linear) => `${path}.${linear}.weight`);
      const scales = await read(`${path}.${norm}.weight`);
      const shifts = await read(`${path}.${norm}.bias`);
      const largest = new Float32Array(scales.length);
      for (const name of names) raiseToColumns(largest, await read(name));
      const factors = scales.map((scale, i) =>
        factorOf(Math.abs(scale) * spread + Math.abs(shifts[i] as number), largest[i] as number),
      );
      for (const part of ['weight', 'bias']) divided.set(`${path}.${norm}.${part}`, factors);
      for (const name of names) multiplied.set(name, factors);
    }
  }
  return { divided, multiplied };
}

function factorOf(activation: number, weight: number): number {
  // A channel that is always 0, or that nobody reads, needs none.
  return activation > 0 && weight > 0 ? activation ** alpha / weight ** (1 - alpha) : 1;
}

/** Raises each value to the largest magnitude in its column of rows. */
function raiseToColumns(largest: Float32Array, rows: Float32Array): void {
  for (const [i, value] of rows.entries()) {
    const column = i % largest.length;
    largest[column] = Math.max(largest[column] as number, Math.abs(value));
  }
}

/** A tensor of the checkpoint with its channels made equally loud, or as it is. */
export function smoothed(name: string, values: Float32Array, { divided, multiplied }: Smoothing): Float32Array {
  const divisors = divided.get(name);
  if (divisors !== undefined) return values.map((value, i) => value / (divisors[i] as number));
  const factors = multiplied.get(name);
  if (factors === undefined) return values;
  return values.map((value, i) => value * (factors[i % factors.length] as number));
}
