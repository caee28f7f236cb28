import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { arch } from 'node:process';
import { cpuDecoderGraph } from '../graph/cpu-decoder.ts';
import { cpuEncoderGraph } from '../graph/cpu-encoder.ts';
import { screenEmbedding, screenNames, screenShapes } from '../graph/screen.ts';
import type { TapMode } from '../graph/taps.ts';
import { logitsGraph } from '../graph/vocabulary.ts';
import { embedding, layOutWeights, type WeightShape, weightsFile } from '../graph/weights.ts';
import { alignmentHeads } from '../model/alignment-heads.ts';
import type { Checkpoint } from '../model/checkpoint.ts';
import { buildPrepared, findPrepared, fingerprint, type PreparedPlace } from './prepared-folder.ts';
import { writeWeights } from './weights-file.ts';

/** Raised with every change of the graphs or of the weights file, so that older folders are made anew. */
const graphVersion = 6;

/** ONNX Runtime has its fast 8-bit product for x86-64; elsewhere the f32 logits serve every token. */
const screened = arch === 'x64';

/**
 * The folder with the graphs and weights.bin (f32) for ONNX Runtime, built on first use.
 *
 * @param onBuild told when the folder has to be built, with the bytes to write
 * @throws ModelError when the store cannot be written
 */
export async function prepareCpu(
  checkpoint: Checkpoint,
  place: PreparedPlace,
  onBuild: (sizeBytes: number) => void = () => {},
  signal?: AbortSignal,
): Promise<string> {
  const name = `cpu-${arch}-f32-v${graphVersion}-${await fingerprint(checkpoint)}`;
  const found = await findPrepared(place, name);
  if (found !== undefined) return found;
  const layout = layOutWeights(weightShapes(checkpoint));
  const { dimensions } = checkpoint;
  onBuild(layout.sizeBytes);
  const plan = {
    name,
    neededBytes: layout.sizeBytes,
    async build(directory: string) {
      const derive = (tensor: string, values: Float32Array) =>
        screened && tensor === embedding ? screenTensors(values, dimensions.nTextState) : [];
      await writeWeights(checkpoint, layout, join(directory, weightsFile), { derive, signal });
      await writeFile(join(directory, 'encoder.onnx'), cpuEncoderGraph(dimensions, layout));
      await writeFile(join(directory, 'decoder.onnx'), cpuDecoderGraph(dimensions, layout, { screened }));
      const heads = alignmentHeads(checkpoint);
      await writeFile(join(directory, 'aligner.onnx'), cpuDecoderGraph(dimensions, layout, { alignmentHeads: heads }));
      await writeFile(join(directory, 'logits.onnx'), logitsGraph(dimensions, layout));
      return { source: checkpoint.directory, dtype: 'f32', target: { device: 'cpu' } };
    },
  };
  return buildPrepared(place, plan, signal);
}

/** Graphs that show their blocks (graph/taps.ts), over the weights file of the folder that {@link prepareCpu} makes. */
export function cpuTapGraphs(checkpoint: Checkpoint, taps: TapMode) {
  const { dimensions } = checkpoint;
  const layout = layOutWeights(weightShapes(checkpoint));
  return {
    encoder: cpuEncoderGraph(dimensions, layout, taps),
    decoder: cpuDecoderGraph(dimensions, layout, { taps }),
    logits: logitsGraph(dimensions, layout),
  };
}

function weightShapes({ tensors, dimensions }: Checkpoint): (readonly [string, WeightShape])[] {
  const own = [...tensors].map(([name, { shape }]) => [name, { type: 'f32', shape }] as const);
  return screened ? [...own, ...screenShapes(dimensions.nVocab, dimensions.nTextState)] : own;
}

function screenTensors(rows: Float32Array, state: number): [string, Float32Array | Uint8Array][] {
  const { values, scales } = screenEmbedding(rows, state);
  return [
    [screenNames.values, values],
    [screenNames.scales, scales],
  ];
}
