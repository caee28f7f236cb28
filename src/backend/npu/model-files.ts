import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { NpuError } from '../../errors.ts';
import type { ModelDimensions } from '../../model/dimensions.ts';
import type { BufferSlice, Command, NativeDevice, NativeModel } from './addon.ts';
import { allocatePieces } from './device-memory.ts';
import { type GreedyModels, greedyFiles, greedyModels } from './greedy-models.ts';
import { checkTensors, decoderTensors, encoderTensors, tensorName } from './om-tensors.ts';
import { type RowsModels, rowsFiles, rowsModels } from './rows-models.ts';

/** A model's OM files on the device. */
export interface LoadedModels {
  readonly encoder: NativeModel;
  /** By how many tokens they take at once. */
  readonly decoders: ReadonlyMap<number, NativeModel>;
  /** Rows graphs: for beams, several windows, long prompts and alignment. */
  readonly rows: RowsModels;
  /** Graphs for greedy decoding on the device. */
  readonly greedy: GreedyModels;
  /** Bytes of one number of the cache: 4 in float32, 2 in float16. */
  readonly itemSizeBytes: number;
}

/**
 * Loads encoder.om and every decoder-N.om of a folder, and gets ready to load the others. They never run at the same
 * time, so they share one work area; all decoders share one copy of the weights that lie in the folder's `weight/`.
 *
 * @throws NpuError 'NPU_MODEL_MISSING' or 'NPU_MODEL_MISMATCH', or what ACL says
 */
export async function loadModels(
  device: NativeDevice,
  directory: string,
  dimensions: ModelDimensions,
): Promise<LoadedModels> {
  const names = await omFiles(directory);
  const widths = decoderWidths(names);
  const [rowsOms, greedyOms] = [rowsFiles(names, dimensions), greedyFiles(names)];
  const needed = ['encoder.om', ...widths.map(decoderFile), ...[...rowsOms, ...greedyOms].map(({ file }) => file)];
  const sizes = await Promise.all(needed.map((file) => device.modelSizes(join(directory, file))));
  const workBuffer = await device.allocate(Math.max(64, ...sizes.map(({ workBytes }) => workBytes)));
  const externalWeights = await loadWeights(device, join(directory, 'weight'));
  const load = (path: string) => device.loadModel(path, { mode: 'async', workBuffer, externalWeights });
  const encoder = await load(join(directory, 'encoder.om'));
  const decoders = new Map<number, NativeModel>();
  for (const width of widths) decoders.set(width, await load(join(directory, decoderFile(width))));

  const cache = decoders.get(1)?.inputs.find(({ name }) => tensorName(name) === 'self_kv');
  const dtype = cache?.dtype ?? 'unknown';
  checkTensors(join(directory, 'encoder.om'), encoder, encoderTensors(dimensions, dtype));
  for (const [width, decoder] of decoders)
    checkTensors(join(directory, decoderFile(width)), decoder, decoderTensors(dimensions, dtype, width));
  const source = { device, directory, dimensions, dtype, load };
  const [rows, greedy] = [rowsModels(rowsOms, source), greedyModels(greedyOms, source)];
  return { encoder, decoders, rows, greedy, itemSizeBytes: dtype === 'float16' ? 2 : 4 };
}

async function omFiles(directory: string): Promise<string[]> {
  const files = await readdir(directory).catch((cause: unknown) => {
    throw new NpuError('NPU_MODEL_MISSING', `${directory}: there are no OM files: ${String(cause)}`, { cause });
  });
  if (!files.includes('encoder.om') || !files.includes(decoderFile(1))) {
    throw new NpuError('NPU_MODEL_MISSING', `${directory}: encoder.om and decoder-1.om are needed`, {
      hint: 'Convert the model with `whisper-npu convert`.',
    });
  }
  return files;
}

function decoderFile(width: number): string {
  return `decoder-${width}.om`;
}

/** Widest first. */
function decoderWidths(files: readonly string[]): number[] {
  const widths = files.map((file) => Number(/^decoder-(\d+)\.om$/.exec(file)?.[1] ?? 0)).filter((width) => width > 0);
  return widths.sort((a, b) => b - a);
}

/** Uploads the weights that atc left outside the OM files: one buffer, one slice per file. */
export async function loadWeights(device: NativeDevice, directory: string) {
  const names = await readdir(directory).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return []; // converted without external weights
    throw error;
  });
  if (names.length === 0) return [];
  const sizes: Record<string, number> = {};
  // ACL takes sizes in multiples of 32 only.
  for (const name of names) sizes[name] = Math.ceil((await stat(join(directory, name))).size / 32) * 32;
  const { slices } = await allocatePieces(device, sizes);
  const files: { fileName: string; slice: BufferSlice }[] = [];
  const uploads: Command[] = [];
  for (const [fileName, slice] of Object.entries(slices)) {
    const path = join(directory, fileName);
    files.push({ fileName, slice });
    uploads.push({ kind: 'uploadFile', to: { ...slice, sizeBytes: (await stat(path)).size }, path, fileOffset: 0 });
  }
  await device.submit(uploads);
  return files;
}
