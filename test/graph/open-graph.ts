import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import ort from 'onnxruntime-node';
import { layOutWeights, type WeightLayout } from '../../src/graph/weights.ts';
import type { ModelDimensions } from '../../src/model/dimensions.ts';
import { whisperTensors } from '../../src/model/tensor-names.ts';
import { weightsFile } from '../../src/model/weights-table.ts';
import type { Weights } from '../support/random-checkpoint.ts';

type Build = (dimensions: ModelDimensions, layout: WeightLayout) => Uint8Array;

/** A graph in ONNX Runtime. */
export interface OpenGraph extends AsyncDisposable {
  /** Runs it; `into` holds tensors to write results to, and with them says which to compute. */
  run(feeds: Feeds, into?: Feeds): Promise<Feeds>;
}

export type Feeds = Record<string, ort.Tensor>;

function testLayout(dimensions: ModelDimensions): WeightLayout {
  return layOutWeights(
    Array.from(whisperTensors(dimensions), ([name, shape]) => [name, { type: 'f32', shape }] as const),
  );
}

/** Writes the weights as the layout says, loads the graph, and removes both again with it. */
export async function openGraph(build: Build, dimensions: ModelDimensions, weights: Weights): Promise<OpenGraph> {
  const layout = testLayout(dimensions);
  const directory = await mkdtemp(join(tmpdir(), 'whisper-npu-graph-'));
  const path = join(directory, 'graph.onnx');
  await writeFile(path, build(dimensions, layout));
  await writeFile(join(directory, weightsFile), weightsBytes(layout, weights));
  const session = await ort.InferenceSession.create(path);
  return {
    run: async (feeds, into) => (into === undefined ? session.run(feeds) : session.run(feeds, into)) as Promise<Feeds>,
    async [Symbol.asyncDispose]() {
      await session.release();
      await rm(directory, { recursive: true });
    },
  };
}

function weightsBytes(layout: WeightLayout, weights: Weights): Uint8Array {
  const bytes = new Uint8Array(layout.sizeBytes);
  for (const [name, values] of weights)
    bytes.set(new Uint8Array(values.buffer, values.byteOffset, values.byteLength), layout.tensors.get(name)?.offset);
  return bytes;
}

export function floats(dims: readonly number[], values: Float32Array = new Float32Array(size(dims))): ort.Tensor {
  return new ort.Tensor('float32', values, dims);
}

export function integers(dims: readonly number[], values: readonly number[]): ort.Tensor {
  return new ort.Tensor('int32', Int32Array.from(values), dims);
}

/** The values of an f32 tensor. */
export function valuesOf(tensor: ort.Tensor | undefined): Float32Array {
  if (!(tensor?.data instanceof Float32Array)) throw new Error('no such f32 tensor');
  return tensor.data;
}

function size(dims: readonly number[]): number {
  return dims.reduce((product, dim) => product * dim, 1);
}
