import { join } from 'node:path';
import { arch } from 'node:process';
import type { CpuDtype } from '../dtype.ts';
import { ModelError } from '../errors.ts';
import { cpuDecoderGraph } from '../graph/cpu-decoder.ts';
import { cpuEncoderGraph } from '../graph/cpu-encoder.ts';
import { type Quantisation, quantisationOf, quantise, quantisedNames, quantisedShapes } from '../graph/quantise.ts';
import type { TapMode } from '../graph/taps.ts';
import { logitsGraph } from '../graph/vocabulary.ts';
import { embedding, layOutWeights, type WeightLayout, type WeightShape } from '../graph/weights.ts';
import { alignmentHeads } from '../model/alignment-heads.ts';
import type { Checkpoint } from '../model/checkpoint.ts';
import { tableFile, tableText, weightsFile } from '../model/weights-table.ts';
import { ownLargestInt8Weight } from './largest-int8-weight.ts';
import {
  type BuildRequest,
  buildPrepared,
  findPrepared,
  fingerprint,
  type PrepareCallbacks,
  type PreparedPlace,
  writeHashed,
} from './prepared-folder.ts';
import { smoothed, smoothingFactors } from './smoothing.ts';
import { writeWeights } from './weights-file.ts';

/** Raised with every change of the graphs, the weights file or the manifest, so that older folders are made anew. */
const graphVersion = 8;

/** ONNX Runtime has its fast 8-bit product for x86-64; elsewhere the f32 logits serve every token. */
const screened = arch === 'x64';

export interface PrepareCpuOptions extends PrepareCallbacks {
  /** float32 by default. */
  readonly dtype?: CpuDtype;
  /** Told when the folder has to be built, with the bytes to write. */
  readonly onBuild?: ((sizeBytes: number) => void) | undefined;
  readonly signal?: AbortSignal | undefined;
}

/**
 * The folder with the graphs and weights.bin for ONNX Runtime, built on first use.
 *
 * @throws ModelError when the store cannot be written, `MODEL_DAMAGED` for weights that are not numbers
 */
export async function prepareCpu(
  checkpoint: Checkpoint,
  place: PreparedPlace,
  { dtype = 'float32', onBuild, onDamage, signal }: PrepareCpuOptions = {},
): Promise<string> {
  const largest = await ownLargestInt8Weight();
  const type = dtype === 'int8' ? `int8x${largest}` : 'f32';
  const name = `cpu-${arch}-${type}-v${graphVersion}-${await fingerprint(checkpoint)}`;
  const graphs = cpuGraphs(checkpoint, dtype);
  const files = [weightsFile, tableFile, ...Object.keys(graphs)];
  const found = await findPrepared(place, { name, files });
  if (found !== undefined) return found;
  const layout = cpuLayout(checkpoint, dtype);
  onBuild?.(layout.sizeBytes);
  const plan = {
    name,
    files,
    neededBytes: layout.sizeBytes,
    async build({ directory, signal: buildSignal }: BuildRequest) {
      const smoothing = dtype === 'int8' ? await smoothingFactors(checkpoint) : undefined;
      const derive = (tensor: string, values: Float32Array) => {
        const kept = smoothing === undefined ? values : smoothed(tensor, values, smoothing);
        return storedTensors(checkpoint, { dtype, largest }, tensor, kept);
      };
      const written = new Map<string, string>();
      const weights = join(directory, weightsFile);
      written.set(weightsFile, await writeWeights(checkpoint, layout, weights, { derive, signal: buildSignal }));
      const contents = { ...graphs, [tableFile]: () => weightsTable(checkpoint, layout) };
      for (const [file, content] of Object.entries(contents))
        written.set(file, await writeHashed(join(directory, file), content()));
      return { source: checkpoint.directory, dtype: type, target: { device: 'cpu' }, written };
    },
  };
  return buildPrepared(place, plan, { signal, onDamage });
}

/** The graphs by the names of their files. */
function cpuGraphs(checkpoint: Checkpoint, dtype: CpuDtype): Readonly<Record<string, () => Uint8Array>> {
  const { dimensions } = checkpoint;
  const layout = cpuLayout(checkpoint, dtype);
  return {
    'encoder.onnx': () => cpuEncoderGraph(dimensions, layout),
    'decoder.onnx': () => cpuDecoderGraph(dimensions, layout, { screened }),
    'aligner.onnx': () => cpuDecoderGraph(dimensions, layout, { alignmentHeads: alignmentHeads(checkpoint) }),
    'logits.onnx': () => logitsGraph(dimensions, layout),
  };
}

function weightsTable(checkpoint: Checkpoint, layout: WeightLayout): string {
  const tensors = Array.from(layout.tensors, ([name, { offset, sizeBytes }]) => ({ name, offset, sizeBytes }));
  return tableText({ tensors, alignmentHeads: alignmentHeads(checkpoint) });
}

/** Graphs that show their blocks (graph/taps.ts), over the weights file of the folder that {@link prepareCpu} makes. */
export function cpuTapGraphs(checkpoint: Checkpoint, taps: TapMode, dtype: CpuDtype = 'float32') {
  const { dimensions } = checkpoint;
  const layout = cpuLayout(checkpoint, dtype);
  return {
    encoder: cpuEncoderGraph(dimensions, layout, taps),
    decoder: cpuDecoderGraph(dimensions, layout, { taps }),
    logits: logitsGraph(dimensions, layout),
  };
}

function cpuLayout({ tensors, dimensions }: Checkpoint, dtype: CpuDtype): WeightLayout {
  const shapes = [...tensors].flatMap(([name, { shape }]): [string, WeightShape][] => {
    const kind = keptAs(dtype, name, shape);
    return kind === undefined ? [[name, { type: 'f32', shape }]] : quantisedShapes(name, kind, shape);
  });
  const screen = quantisedShapes(embedding, 'blocks', [dimensions.nVocab, dimensions.nTextState]);
  return layOutWeights(screened ? [...shapes, ...screen] : shapes);
}

function keptAs(dtype: CpuDtype, name: string, shape: readonly number[]): Quantisation | undefined {
  return dtype === 'int8' ? quantisationOf(name, shape) : undefined;
}

function areNumbers(values: Float32Array): boolean {
  for (let i = 0; i < values.length; i++) if (!Number.isFinite(values[i])) return false;
  return true;
}

/** What the weights file holds of a tensor. */
function storedTensors(
  { tensors }: Checkpoint,
  { dtype, largest }: { readonly dtype: CpuDtype; readonly largest: number },
  name: string,
  values: Float32Array,
): [string, Float32Array | Uint8Array | Int8Array][] {
  const shape = tensors.get(name)?.shape ?? [];
  if (!areNumbers(values)) {
    throw new ModelError('MODEL_DAMAGED', `${name} has weights that are not numbers`, {
      hint: 'Fetch or convert the model anew.',
    });
  }
  const inEightBits = (kind: Quantisation): [string, Float32Array | Uint8Array | Int8Array][] => {
    const names = quantisedNames(name, kind);
    const quantised = quantise(kind, values, shape[1] as number, largest);
    return [
      [names.values, quantised.values],
      [names.scales, quantised.scales],
    ];
  };
  const kind = keptAs(dtype, name, shape);
  if (kind !== undefined) return inEightBits(kind);
  return [[name, values], ...(screened && name === embedding ? inEightBits('blocks') : [])];
}
