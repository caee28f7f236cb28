import { join } from 'node:path';
import { ModelError } from '../errors.ts';
import { type Quantisation, quantisationOf, quantise, quantisedNames, quantisedShapes } from '../graph/quantise.ts';
import { embedding, layOutWeights, type WeightLayout, type WeightShape } from '../graph/weights.ts';
import { alignmentHeads } from '../model/alignment-heads.ts';
import type { Checkpoint } from '../model/checkpoint.ts';
import type { CpuDtype } from '../model/dtype.ts';
import { tableFile, tableText, weightsFile } from '../model/weights-table.ts';
import {
  type BuildRequest,
  buildPrepared,
  findPrepared,
  fingerprint,
  type ModelLocation,
  type PrepareCallbacks,
  writeHashed,
} from './prepared-folder.ts';
import { smoothed, smoothingFactors } from './smoothing.ts';
import { writeWeights } from './weights-file.ts';

/** To be raised with every change of the weights file or the manifest, so that older folders are built again. */
const formatVersion = 9;

export interface PrepareCpuOptions extends PrepareCallbacks {
  /** float32 by default. */
  readonly dtype?: CpuDtype;
  /** Called when the folder has to be built, with the number of bytes to write. */
  readonly onBuild?: ((sizeBytes: number) => void) | undefined;
  readonly signal?: AbortSignal | undefined;
}

/**
 * The folder with the weights for the CPU engine, built on first use; the same for every processor.
 *
 * @throws ModelError when the store cannot be written, `MODEL_DAMAGED` for weights that are not numbers
 */
export async function prepareCpu(
  checkpoint: Checkpoint,
  location: ModelLocation,
  { dtype = 'float32', onBuild, onDamage, signal }: PrepareCpuOptions = {},
): Promise<string> {
  const type = dtype === 'int8' ? 'int8' : 'f32';
  const name = `cpu-${type}-v${formatVersion}-${await fingerprint(checkpoint)}`;
  const files = [weightsFile, tableFile];
  const found = await findPrepared(location, { name, files });
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
        const smoothedValues = smoothing === undefined ? values : smoothed(tensor, values, smoothing);
        return storedTensors(checkpoint, dtype, tensor, smoothedValues);
      };
      const weights = await writeWeights(checkpoint, layout, join(directory, weightsFile), {
        derive,
        signal: buildSignal,
      });
      const table = await writeHashed(join(directory, tableFile), weightsTable(checkpoint, layout));
      const written = new Map([
        [weightsFile, weights],
        [tableFile, table],
      ]);
      return { source: checkpoint.directory, dtype: type, target: { device: 'cpu' }, written };
    },
  };
  return buildPrepared(location, plan, { signal, onDamage });
}

function weightsTable(checkpoint: Checkpoint, layout: WeightLayout): string {
  const tensors = Array.from(layout.tensors, ([name, { offset, sizeBytes }]) => ({ name, offset, sizeBytes }));
  return tableText({ tensors, alignmentHeads: alignmentHeads(checkpoint) });
}

function cpuLayout({ tensors, dimensions }: Checkpoint, dtype: CpuDtype): WeightLayout {
  const shapes = [...tensors].flatMap(([name, { shape }]): [string, WeightShape][] => {
    const kind = quantisationFor(dtype, name, shape);
    return kind === undefined ? [[name, { type: 'f32', shape }]] : quantisedShapes(name, kind, shape);
  });
  const prefilter = quantisedShapes(embedding, 'blocks', [dimensions.nVocab, dimensions.nTextState]);
  return layOutWeights([...shapes, ...prefilter]);
}

function quantisationFor(dtype: CpuDtype, name: string, shape: readonly number[]): Quantisation | undefined {
  return dtype === 'int8' ? quantisationOf(name, shape) : undefined;
}

function areNumbers(values: Float32Array): boolean {
  for (let i = 0; i < values.length; i++) if (!Number.isFinite(values[i])) return false;
  return true;
}

/** The tensors of the weights file that a tensor of the checkpoint becomes. */
function storedTensors(
  { tensors }: Checkpoint,
  dtype: CpuDtype,
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
    const quantised = quantise(kind, values, shape[1] as number);
    return [
      [names.values, quantised.values],
      [names.scales, quantised.scales],
    ];
  };
  const kind = quantisationFor(dtype, name, shape);
  if (kind !== undefined) return inEightBits(kind);
  return [[name, values], ...(name === embedding ? inEightBits('blocks') : [])];
}
