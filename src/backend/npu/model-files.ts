import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { NpuError } from '../../errors.ts';
import type { ModelDimensions } from '../../model/dimensions.ts';
import type { BufferSlice, Command, NativeBuffer, NativeDevice, NativeModel, TensorSpec } from './addon.ts';
import { allocatePieces } from './device-memory.ts';

/** A model's OM files on the device. */
export interface LoadedModels {
  readonly encoder: NativeModel;
  /** By how many tokens they take at once. */
  readonly decoders: ReadonlyMap<number, NativeModel>;
  /** Bytes of one number of the cache: 4 in float32, 2 in float16. */
  readonly itemSizeBytes: number;
  /** Work memory and weights, to be closed after the models. */
  readonly buffers: readonly NativeBuffer[];
}

/**
 * Loads encoder.om and every decoder-N.om of a folder. They never run at the same time, so they share one work area; the
 * decoders share one copy of the weights that lie in the folder's `weight/`.
 *
 * @throws NpuError 'NPU_MODEL_MISSING' or 'NPU_MODEL_MISMATCH', or what ACL says
 */
export async function loadModels(
  device: NativeDevice,
  directory: string,
  dimensions: ModelDimensions,
): Promise<LoadedModels> {
  const widths = await decoderWidths(directory);
  const paths = [join(directory, 'encoder.om'), ...widths.map((width) => join(directory, `decoder-${width}.om`))];
  const sizes = await Promise.all(paths.map((path) => device.modelSizes(path)));
  const workBuffer = await device.allocate(Math.max(64, ...sizes.map(({ workBytes }) => workBytes)));
  const weights = await loadWeights(device, join(directory, 'weight'));
  const load = (path: string | undefined) =>
    device.loadModel(path ?? '', { mode: 'async', workBuffer, externalWeights: weights.files });
  const encoder = await load(paths[0]);
  const decoders = new Map<number, NativeModel>();
  for (const [index, width] of widths.entries()) decoders.set(width, await load(paths[index + 1]));

  const cache = decoders.get(1)?.inputs.find(({ name }) => tensorName(name) === 'self_kv');
  const dtype = cache?.dtype ?? 'unknown';
  checkTensors(join(directory, 'encoder.om'), encoder, encoderTensors(dimensions, dtype));
  for (const [width, decoder] of decoders) {
    checkTensors(join(directory, `decoder-${width}.om`), decoder, decoderTensors(dimensions, dtype, width));
  }
  return { encoder, decoders, itemSizeBytes: dtype === 'float16' ? 2 : 4, buffers: [workBuffer, ...weights.buffers] };
}

async function decoderWidths(directory: string): Promise<number[]> {
  const files = await readdir(directory).catch((cause: unknown) => {
    throw new NpuError('NPU_MODEL_MISSING', `${directory}: there are no OM files: ${String(cause)}`, { cause });
  });
  const widths = files.map((file) => Number(/^decoder-(\d+)\.om$/.exec(file)?.[1] ?? 0)).filter((width) => width > 0);
  if (!files.includes('encoder.om') || !widths.includes(1)) {
    throw new NpuError('NPU_MODEL_MISSING', `${directory}: encoder.om and decoder-1.om are needed`, {
      hint: 'Convert the model with `whisper-npu convert`.',
    });
  }
  return widths.sort((a, b) => b - a);
}

/** Uploads the weights that atc left outside the OM files: one buffer, one slice per file. */
async function loadWeights(device: NativeDevice, directory: string) {
  const names = await readdir(directory).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return []; // converted without external weights
    throw error;
  });
  if (names.length === 0) return { files: [], buffers: [] };
  const sizes: Record<string, number> = {};
  // ACL takes sizes in multiples of 32 only.
  for (const name of names) sizes[name] = Math.ceil((await stat(join(directory, name))).size / 32) * 32;
  const { buffer, slices } = await allocatePieces(device, sizes);
  const files: { fileName: string; slice: BufferSlice }[] = [];
  const uploads: Command[] = [];
  for (const [fileName, slice] of Object.entries(slices)) {
    const path = join(directory, fileName);
    files.push({ fileName, slice });
    uploads.push({ kind: 'uploadFile', to: { ...slice, sizeBytes: (await stat(path)).size }, path, fileOffset: 0 });
  }
  await device.submit(uploads);
  return { files, buffers: [buffer] };
}

/** atc names an output `node:index:tensor`. */
export function tensorName(name: string): string {
  return name.slice(name.lastIndexOf(':') + 1);
}

type Tensors = Readonly<Record<string, readonly [dtype: string, ...dims: number[]]>>;

function crossTensors({ nAudioCtx, nTextLayer, nTextState }: ModelDimensions, dtype: string): Tensors {
  const layers = Array.from({ length: nTextLayer }, (_, layer) => [`cross_k_${layer}`, `cross_v_${layer}`]).flat();
  return Object.fromEntries(layers.map((name) => [name, [dtype, nAudioCtx, nTextState] as const]));
}

function encoderTensors(dimensions: ModelDimensions, dtype: string): Tensors {
  const { nAudioCtx, nAudioState, nMels } = dimensions;
  return {
    log_mel: ['float32', 1, nMels, 2 * nAudioCtx],
    encoder_output: ['float32', nAudioCtx, nAudioState],
    ...crossTensors(dimensions, dtype),
  };
}

function decoderTensors(dimensions: ModelDimensions, dtype: string, width: number): Tensors {
  const { nTextCtx, nTextLayer, nTextState, nVocab } = dimensions;
  return {
    tokens: ['int32', 1, width],
    position: ['int32', 1],
    suppress: ['float32', nVocab],
    self_kv: [dtype, nTextCtx, 1, nTextLayer, 2, nTextState],
    new_kv: [dtype, width, 1, nTextLayer, 2, nTextState],
    logits: ['float32', 1, nVocab],
    next_token: ['int32', 1],
    logprob: ['float32', 1],
    ...crossTensors(dimensions, dtype),
  };
}

/** An OM made for another model, or by an older version of this program, would give nonsense without a word. */
function checkTensors(path: string, model: NativeModel, expected: Tensors): void {
  const specs: readonly TensorSpec[] = [...model.inputs, ...model.outputs];
  const found = new Map(specs.map((spec) => [tensorName(spec.name), `${spec.dtype} [${spec.dims.join(', ')}]`]));
  for (const [name, [dtype, ...dims]] of Object.entries(expected)) {
    const wanted = `${dtype} [${dims.join(', ')}]`;
    const actual = found.get(name);
    found.delete(name);
    if (actual === wanted) continue;
    throw mismatch(path, `${name} should be ${wanted} and is ${actual ?? 'missing'}`);
  }
  const [extra] = found.keys();
  if (extra !== undefined) throw mismatch(path, `it has a tensor ${extra} that nothing is known of`);
}

function mismatch(path: string, reason: string): NpuError {
  return new NpuError('NPU_MODEL_MISMATCH', `${path} is not for this model: ${reason}`, {
    hint: 'Convert the model again with `whisper-npu convert`.',
  });
}
