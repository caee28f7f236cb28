import { createHash } from 'node:crypto';
import {
  closeSync,
  existsSync,
  mkdirSync,
  openSync,
  readFileSync,
  readSync,
  renameSync,
  rmSync,
  statSync,
  writeSync,
} from 'node:fs';
import path from 'node:path';
import { createSession } from '../device/models.ts';
import { headerSize, modelDef, omHeader, partitionTable, partitionTypes, tableSize } from '../om/om-file.ts';
import {
  dataSize,
  elementTypes,
  float16,
  float32,
  type Initializer,
  inlineData,
  type OnnxModel,
  readModel,
} from '../onnx/model.ts';
import {
  bindWeights,
  castNode,
  externalInitializer,
  inlineInitializer,
  rewriteModel,
  weightsInOm,
} from '../onnx/rewrite.ts';
import type { WireField } from '../onnx/wire.ts';
import { AtcError, invalidValue, parseFailure } from './atc-error.ts';
import { checkModel, weightPlace } from './check-model.ts';
import { fromFloat16, toFloat16 } from './float16.ts';
import { kernelCosts } from './kernel-costs.ts';
import { archOfSoc, type Options } from './options.ts';
import { roundedWeights } from './precision.ts';

/** Weights begin at a page of the OM, each at a multiple of a cache line. */
const page = 4096;
const line = 64;
const partitions = 4;
const chunkBytes = 16 << 20;

/** A weight on its way from the ONNX model's files to the OM or to a file of its own. */
interface Weight {
  readonly initializer: Initializer;
  readonly elementType: number;
  readonly sizeBytes: number;
  location: string;
  offset: number;
}

/** Checks the model and, unless it is only to be checked, writes the OM; a failure leaves nothing behind. */
export async function convert(options: Options): Promise<void> {
  if (statSync(options.model).size > 0x7fffffff)
    throw new AtcError('E13015', `File ${options.model} is larger than 2 GiB.`);
  const bytes = withShapes(readFileSync(options.model), options);
  const model = parse(bytes, options);
  const folder = path.dirname(options.model);
  checkModel(model, folder);
  checkStatic(model);
  if (options.mode === 3) return;
  const partial = `${options.output}.om.partial`;
  try {
    await writeOm(bytes, model, folder, options, partial);
    renameSync(partial, `${options.output}.om`);
  } finally {
    rmSync(partial, { force: true });
  }
}

function parse(bytes: Uint8Array, options: Options): OnnxModel {
  try {
    return readModel(bytes);
  } catch {
    throw new AtcError('E13001', `Failed to parse file [${options.model}] as ONNX.`);
  }
}

function withShapes(bytes: Uint8Array, options: Options): Uint8Array {
  if (options.inputShapes.size === 0) return bytes;
  const inputs = new Set(parse(bytes, options).inputs.map(({ name }) => name));
  for (const name of options.inputShapes.keys()) {
    if (!inputs.has(name)) throw invalidValue('--input_shape', name, 'the model has no such input');
  }
  return rewriteModel(bytes, { inputDims: options.inputShapes });
}

function checkStatic({ inputs }: OnnxModel): void {
  for (const { name, dims } of inputs) {
    if (dims.some((dim) => typeof dim !== 'number' || dim <= 0)) {
      throw invalidValue('--input_shape', '[]', `input ${name} has a dimension that is not static`);
    }
  }
}

async function writeOm(
  bytes: Uint8Array,
  model: OnnxModel,
  folder: string,
  options: Options,
  target: string,
): Promise<void> {
  const rounded = roundedWeights(model, options);
  const weights = planWeights(model, rounded);
  const definition = modelDef(omAttributes(options), headerSize + tableSize(partitions), page);
  const weightsOffset = headerSize + tableSize(partitions) + definition.length;
  const file = openSync(target, 'wx');
  try {
    if (options.externalWeight) writeWeightFiles(weights, folder, path.join(path.dirname(options.output), 'weight'));
    else for (const weight of weights) writeWeight(file, weightsOffset + weight.offset, weight, folder);
    const weightsSize = options.externalWeight ? 0 : sizeOf(weights);
    const onnx = omGraph(bytes, rounded, weights);
    write(file, onnx, weightsOffset + weightsSize);
    const description = await describe(onnx, model, options, weights, { target, weightsOffset, weightsSize });
    const info = Buffer.from([...description, ...kernelCosts(bytes), ''].join('\n'));
    write(file, info, weightsOffset + weightsSize + onnx.length);
    const sizes = [
      { type: partitionTypes.modelDef, size: definition.length },
      { type: partitionTypes.weights, size: weightsSize },
      { type: partitionTypes.taskInfo, size: onnx.length },
      { type: partitionTypes.inOutInfo, size: info.length },
    ];
    const payload = sizes.reduce((total, { size }) => total + size, tableSize(partitions));
    write(file, omHeader(payload, path.basename(options.output)), 0);
    write(file, Buffer.concat([partitionTable(sizes), definition]), headerSize);
  } finally {
    closeSync(file);
  }
}

function omAttributes(options: Options): Record<string, string> {
  return {
    soc_version: options.soc,
    arch_type: archOfSoc(options.soc) ?? '',
    framework_type: '5',
    atc_version: 'stand-in 8.5.0',
    opp_version: 'stand-in 8.5.0',
    atc_cmdline: options.commandLine,
    host_env_os: options.hostOs,
    host_env_cpu: options.hostCpu,
  };
}

function align(size: number): number {
  return Math.ceil(size / line) * line;
}

/** Bytes of the partition that holds these weights. */
function sizeOf(weights: readonly Weight[]): number {
  const last = weights.at(-1);
  return last === undefined ? 0 : align(last.offset + last.sizeBytes);
}

function planWeights({ initializers }: OnnxModel, rounded: ReadonlySet<Initializer>): Weight[] {
  let offset = 0;
  return initializers
    .filter(({ external }) => external !== undefined)
    .map((initializer) => {
      const half = rounded.has(initializer);
      const sizeBytes = dataSize(initializer) / (half ? 2 : 1);
      const elementType = half ? float16 : initializer.elementType;
      const weight = { initializer, elementType, sizeBytes, location: weightsInOm, offset };
      offset = align(offset + sizeBytes);
      return weight;
    });
}

function write(file: number, bytes: Uint8Array, position: number): void {
  for (let done = 0; done < bytes.length; ) done += writeSync(file, bytes, done, bytes.length - done, position + done);
}

/** The weight's bytes as the device holds them, piece by piece. */
function* weightChunks({ initializer, elementType }: Weight, folder: string): Generator<Uint8Array> {
  const { file, offset, sizeBytes } = weightPlace(initializer, folder);
  const source = openSync(file, 'r');
  try {
    for (let done = 0; done < sizeBytes; ) {
      const chunk = new Uint8Array(Math.min(chunkBytes, sizeBytes - done));
      if (readSync(source, chunk, 0, chunk.length, offset + done) !== chunk.length) {
        throw parseFailure(`initializer ${initializer.name}: ${file} ends early`);
      }
      done += chunk.length;
      const half = elementType !== initializer.elementType;
      yield half ? new Uint8Array(toFloat16(new Float32Array(chunk.buffer)).buffer) : chunk;
    }
  } finally {
    closeSync(source);
  }
}

function writeWeight(file: number, position: number, weight: Weight, folder: string): void {
  let end = position;
  for (const chunk of weightChunks(weight, folder)) {
    write(file, chunk, end);
    end += chunk.length;
  }
}

/**
 * --external_weight=1: each weight in a file named after its content, so that models that share it share the file. As the
 * real atc does, it writes to a folder in the current one, or in ASCEND_WORK_PATH, and renames from there.
 */
function writeWeightFiles(weights: readonly Weight[], folder: string, target: string): void {
  const session = `tmp_weight_${process.pid}_${Date.now()}`;
  const temporary = path.resolve(process.env['ASCEND_WORK_PATH'] || '.', session);
  try {
    mkdirSync(temporary);
    mkdirSync(target, { recursive: true });
    moveWeights(weights, folder, { temporary, target });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === undefined) throw error;
    throw new AtcError('E19999', `Inner Error! External weights cannot be written: ${(error as Error).message}`);
  } finally {
    rmSync(temporary, { recursive: true, force: true });
  }
}

function moveWeights(
  weights: readonly Weight[],
  folder: string,
  { temporary, target }: { readonly temporary: string; readonly target: string },
): void {
  for (const weight of weights) {
    const hash = createHash('sha256');
    for (const chunk of weightChunks(weight, folder)) hash.update(chunk);
    weight.location = `weight_${hash.digest('hex')}`;
    weight.offset = 0;
    const final = path.join(target, weight.location);
    if (existsSync(final)) continue;
    const partial = path.join(temporary, weight.location);
    const file = openSync(partial, 'wx');
    try {
      writeWeight(file, 0, weight, folder);
    } finally {
      closeSync(file);
    }
    renameSync(partial, final);
  }
}

/** The graph as the OM holds it: weights bound to their new places, what is float16 cast back where it is used. */
function omGraph(bytes: Uint8Array, rounded: ReadonlySet<Initializer>, weights: readonly Weight[]): Uint8Array {
  const names = new Set([...rounded].map(({ name }) => name));
  const moved = new Map(weights.map((weight) => [weight.initializer.name, weight]));
  const casts: WireField[][] = [];
  for (const { initializer, elementType } of weights) {
    if (elementType !== initializer.elementType)
      casts.push(castNode(halfName(initializer.name), initializer.name, float32));
  }
  return rewriteModel(bytes, {
    nodes: casts,
    initializer(initializer) {
      const weight = moved.get(initializer.name);
      if (weight !== undefined) {
        const half = weight.elementType !== initializer.elementType;
        const name = half ? halfName(initializer.name) : initializer.name;
        return externalInitializer(initializer, name, weight.elementType, weight);
      }
      if (!names.has(initializer.name)) return undefined;
      const values = new Float32Array(Uint8Array.from(inlineData(initializer)).buffer);
      const data = new Uint8Array(fromFloat16(toFloat16(values)).buffer);
      return inlineInitializer(initializer, initializer.name, float32, data);
    },
  });
}

function halfName(name: string): string {
  return `${name}::float16`;
}

/** Lets ONNX Runtime check types and infer shapes. @returns lines that describe inputs, outputs and sizes for the library */
async function describe(
  onnx: Uint8Array,
  model: OnnxModel,
  options: Options,
  weights: readonly Weight[],
  om: { target: string; weightsOffset: number; weightsSize: number },
): Promise<string[]> {
  const folder = options.externalWeight ? path.join(path.dirname(options.output), 'weight') : path.dirname(om.target);
  const graph = bindWeights(onnx, path.basename(om.target), om.weightsOffset);
  const session = await createSession(graph, path.resolve(folder), 'disabled').catch((error: Error) => {
    throw parseFailure(`ONNX Runtime refuses the graph: ${error.message}`);
  });
  const shapes = new Map(session.outputMetadata.map((output) => [output.name, output.isTensor ? output.shape : []]));
  await session.release();
  const format = { NCHW: 0, ND: 2, NCDHW: 30 }[options.format];
  const makers = new Map(
    model.nodes.flatMap((node, i) =>
      node.outputs.map(
        (output, k) => [output, `${node.name === '' ? `${node.type}_${i}` : node.name}:${k}:${output}`] as const,
      ),
    ),
  );
  let ioBytes = 0;
  const lineOf = (kind: string, name: string, elementType: number, dims: readonly (number | string)[]) => {
    if (dims.some((dim) => typeof dim !== 'number')) throw parseFailure(`${name}: its shape [${dims}] is not static`);
    const type = elementTypes[elementType];
    ioBytes += align(dims.reduce<number>((size, dim) => size * Number(dim), type?.sizeBytes ?? 0));
    return [kind, name, type?.acl, format, dims.join(',')].join('\t');
  };
  const lines = [
    ...model.inputs.map(({ name, elementType, dims }) => lineOf('input', name, elementType, dims)),
    ...model.outputs.map(({ name, elementType }) =>
      lineOf('output', makers.get(name) ?? name, elementType, shapes.get(name) ?? []),
    ),
    ...(options.externalWeight
      ? weights.map(({ location, sizeBytes }) => ['weight', location, sizeBytes].join('\t'))
      : []),
  ];
  const work = ioBytes + (1 << 20);
  return [...new Set(lines), ['sizes', work, om.weightsSize].join('\t')];
}
