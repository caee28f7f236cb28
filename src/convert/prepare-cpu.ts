import { createHash } from 'node:crypto';
import {
  type FileHandle,
  mkdir,
  open,
  readdir,
  readFile,
  realpath,
  rename,
  rm,
  stat,
  writeFile,
} from 'node:fs/promises';
import { join } from 'node:path';
import { cpuDecoderGraph } from '../graph/decoder.ts';
import { cpuEncoderGraph } from '../graph/encoder.ts';
import { screenEmbedding, screenNames, screenShapes } from '../graph/screen.ts';
import { logitsGraph, screenedChoiceGraph } from '../graph/vocabulary.ts';
import { embedding, layOutWeights, type WeightLayout, type WeightShape, weightsFile } from '../graph/weights.ts';
import type { Checkpoint } from '../model/checkpoint.ts';
import { storeError } from '../model/store-error.ts';
import { readTensor } from '../model/tensor.ts';

/** Raised with every change of the graphs or of the weights file, so that older folders are made anew. */
const graphVersion = 1;

/** What a prepared folder says of itself; written last. */
interface PreparedManifest {
  readonly source: string;
  readonly graphVersion: number;
  readonly dtype: 'f32';
  readonly weightsBytes: number;
}

/**
 * The folder with the graphs and weights.bin (f32) for ONNX Runtime, built on first use. It appears whole
 * or not at all, whoever else builds it and whenever this process is killed.
 *
 * @param directory where this model's prepared variants live: `prepared/<model>` in the store
 * @param onBuild told when the folder has to be built, with the bytes to write
 * @throws ModelError when the store cannot be written
 */
export async function prepareCpu(
  checkpoint: Checkpoint,
  directory: string,
  onBuild: (sizeBytes: number) => void = () => {},
): Promise<string> {
  const target = join(directory, `cpu-f32-v${graphVersion}-${await fingerprint(checkpoint)}`);
  if (await isWhole(target)) return target;
  const layout = layOutWeights(weightShapes(checkpoint));
  onBuild(layout.sizeBytes);
  const unfinished = `${target}.unfinished-${process.pid}`;
  try {
    await mkdir(directory, { recursive: true });
    await removeAbandoned(directory);
    await build(checkpoint, layout, unfinished);
    await rm(target, { recursive: true, force: true });
    await rename(unfinished, target);
  } catch (error) {
    await rm(unfinished, { recursive: true, force: true }).catch(() => undefined);
    if (await isWhole(target)) return target; // another process was faster
    throw storeError(error, directory, layout.sizeBytes);
  }
  return target;
}

function weightShapes({ tensors, dimensions }: Checkpoint): (readonly [string, WeightShape])[] {
  const own = [...tensors].map(([name, { shape }]) => [name, { type: 'f32', shape }] as const);
  return [...own, ...screenShapes(dimensions.nVocab, dimensions.nTextState)];
}

async function build(checkpoint: Checkpoint, layout: WeightLayout, directory: string): Promise<void> {
  await rm(directory, { recursive: true, force: true });
  await mkdir(directory);
  await writeWeights(checkpoint, layout, join(directory, weightsFile));
  const { dimensions } = checkpoint;
  await writeFile(join(directory, 'encoder.onnx'), cpuEncoderGraph(dimensions, layout));
  await writeFile(join(directory, 'decoder.onnx'), cpuDecoderGraph(dimensions, layout));
  await writeFile(join(directory, 'logits.onnx'), logitsGraph(dimensions, layout));
  await writeFile(join(directory, 'choice.onnx'), screenedChoiceGraph(dimensions, layout));
  const manifest: PreparedManifest = {
    source: checkpoint.directory,
    graphVersion,
    dtype: 'f32',
    weightsBytes: layout.sizeBytes,
  };
  await writeFile(join(directory, 'manifest.json'), `${JSON.stringify(manifest, null, 2)}\n`);
}

async function writeWeights(checkpoint: Checkpoint, layout: WeightLayout, path: string): Promise<void> {
  await using file = await open(path, 'wx');
  const write = async (name: string, values: Float32Array | Uint8Array) => {
    const placed = layout.tensors.get(name);
    if (placed === undefined) throw new Error(`${name} has no place in the weights file`);
    await writeFully(file, new Uint8Array(values.buffer, values.byteOffset, values.byteLength), placed.offset);
  };
  for (const [name, entry] of checkpoint.tensors) {
    const values = await readTensor(entry);
    await write(name, values);
    if (name !== embedding) continue;
    const screen = screenEmbedding(values, checkpoint.dimensions.nTextState);
    await write(screenNames.values, screen.values);
    await write(screenNames.scales, screen.scales);
  }
  await file.sync();
}

/** One write may take only part of what it is given, on a nearly full disk above all. */
async function writeFully(file: FileHandle, bytes: Uint8Array, position: number): Promise<void> {
  let written = 0;
  while (written < bytes.length) {
    written += (await file.write(bytes, written, bytes.length - written, position + written)).bytesWritten;
  }
}

/** A short name for these very weights: a folder that gets other files in it is another model. */
async function fingerprint({ tensors }: Checkpoint): Promise<string> {
  const hash = createHash('sha256');
  for (const file of new Set([...tensors.values()].map((entry) => entry.file))) {
    const { size, mtimeMs } = await stat(file);
    hash.update(`${await realpath(file)}\n${size}\n${mtimeMs}\n`);
  }
  return hash.digest('hex').slice(0, 12);
}

async function isWhole(directory: string): Promise<boolean> {
  try {
    const manifest = JSON.parse(await readFile(join(directory, 'manifest.json'), 'utf8')) as PreparedManifest;
    return (await stat(join(directory, weightsFile))).size === manifest.weightsBytes;
  } catch {
    return false; // whatever is missing or unreadable is built anew
  }
}

/** Removes what killed processes left behind. */
async function removeAbandoned(directory: string): Promise<void> {
  for (const name of await readdir(directory)) {
    const pid = Number(/\.unfinished-(\d+)$/.exec(name)?.[1] ?? process.pid);
    if (pid !== process.pid && !isAlive(pid)) await rm(join(directory, name), { recursive: true, force: true });
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}
