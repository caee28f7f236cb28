import ort from 'onnxruntime-node';
import { expect } from 'vitest';
import { chooseLevel, loadCpuAddon } from '../../../../src/backend/cpu/cpu-addon.ts';
import type { NetworkDescription, Tensor } from '../../../../src/backend/cpu/networks/description.ts';
import type { CpuLevel } from '../../../../src/backend/cpu-level.ts';
import { createGraph, type GraphBuilder, type Value } from '../../../../src/graph/onnx.ts';
import { expectClose } from '../../../support/compare.ts';

export type Tensors = Readonly<Record<string, Tensor>>;

/** Operators of ours, and the same in ONNX. */
export interface Comparison {
  readonly operators: NetworkDescription['operators'];
  readonly inputs: Tensors;
  readonly weights?: Tensors;
  readonly outputs: readonly string[];
  /** @returns ONNX's values of the outputs, in their order */
  reference(graph: GraphBuilder, values: Readonly<Record<string, Value>>): readonly Value[];
}

/** Runs operators once with the given inputs. */
export function runNetwork(
  { operators, inputs, weights = {}, outputs }: Omit<Comparison, 'reference'>,
  level?: CpuLevel,
): Tensors {
  const addon = loadCpuAddon();
  const shapes = Object.entries(inputs).map(([name, { shape }]) => [name, shape]);
  const description = { inputs: Object.fromEntries(shapes), operators, outputs };
  const network = addon.loadNetwork(description, weights, level ?? chooseLevel(addon));
  try {
    return addon.runNetwork(network, inputs);
  } finally {
    addon.freeNetwork(network);
  }
}

/** Fails unless every level gives what ONNX Runtime does, within 1e-5. */
export async function expectLikeOnnxRuntime(comparison: Comparison): Promise<void> {
  const expected = await runOnnx(comparison);
  for (const level of loadCpuAddon().levels()) {
    const actual = runNetwork(comparison, level);
    for (const [i, name] of comparison.outputs.entries()) {
      expect(actual[name]?.shape).toEqual(expected[i]?.shape);
      expectClose(actual[name]?.values ?? [], expected[i]?.values ?? [], 1e-5);
    }
  }
}

async function runOnnx({ inputs, weights, outputs, reference }: Comparison): Promise<Tensor[]> {
  const graph = createGraph('operators', 17);
  const feeds: Record<string, ort.Tensor> = {};
  const values: Record<string, Value> = {};
  for (const [name, { shape, values: data }] of Object.entries({ ...inputs, ...weights })) {
    values[name] = graph.input(name, 'f32', shape);
    feeds[name] = new ort.Tensor('float32', data, shape);
  }
  for (const [i, value] of reference(graph, values).entries()) graph.output(`output_${i}`, value, 'f32', []);
  const session = await ort.InferenceSession.create(graph.serialize(), { logSeverityLevel: 3 });
  const results = await session.run(feeds);
  await session.release();
  return outputs.map((_, i) => {
    const result = results[`output_${i}`];
    if (!(result?.data instanceof Float32Array)) throw new Error('no such f32 tensor');
    return { shape: result.dims, values: Float32Array.from(result.data) };
  });
}

/** Uniform numbers of a standard deviation, the same for the same seed. */
export function randomTensor(seed: number, shape: readonly number[], deviation = 1): Tensor {
  let state = seed | 0;
  const values = Float32Array.from({ length: shape.reduce((product, size) => product * size, 1) }, () => {
    state = (Math.imul(state ^ (state >>> 15), 0x2c1b3c6d) + 0x6d2b79f5) | 0;
    let bits = Math.imul(state ^ (state >>> 15), state | 1);
    bits ^= bits + Math.imul(bits ^ (bits >>> 7), bits | 61);
    return (((bits ^ (bits >>> 14)) >>> 0) / 2 ** 31 - 1) * Math.sqrt(3) * deviation;
  });
  return { shape, values };
}
