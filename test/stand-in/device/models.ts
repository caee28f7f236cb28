import { closeSync, openSync, readSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { InferenceSession, Tensor } from 'onnxruntime-node';
import { bindWeights, hasWeightFiles } from '../onnx/rewrite.ts';
import type { DeviceMemory, Place } from './memory.ts';

/** A load as the library asks for it. */
export interface LoadRequest {
  readonly id: number;
  readonly onnxOffset: number;
  readonly onnxSize: number;
  readonly weightsOffset: number;
  readonly omPath: string;
  /** True for an OM that came from memory and is the device's own file. */
  readonly stored: boolean;
  readonly weightFolder: string;
  /** Weights in device memory: file name, place, and the bytes that count. */
  readonly weights: readonly { readonly file: string; readonly place: Place; readonly sizeBytes: number }[];
}

export interface DeviceModels {
  load(request: LoadRequest): Promise<void>;
  /** Runs a model on views of device memory, inputs and outputs in the model's order. */
  run(id: number, places: readonly Place[]): Promise<void>;
  unload(id: number): Promise<void>;
}

interface Loaded {
  readonly session: InferenceSession;
  readonly storedFile: string | undefined;
}

export function createModels(memory: DeviceMemory, scratch: string): DeviceModels {
  const models = new Map<number, Loaded>();
  const materialised = new Set<string>();

  /** Writes weights given in device memory to files, once for all models that share them. */
  function weightFiles(request: LoadRequest): string {
    if (request.weights.length === 0) return request.weightFolder;
    for (const { file, place, sizeBytes } of request.weights) {
      const key = `${file} ${place.allocation} ${place.offset}`;
      if (materialised.has(key)) continue;
      const target = path.join(scratch, path.basename(file));
      rmSync(target, { force: true });
      writeFileSync(target, memory.view(place).subarray(0, sizeBytes));
      materialised.add(key);
    }
    return scratch;
  }

  async function load(request: LoadRequest): Promise<void> {
    const file = openSync(request.omPath, 'r');
    const onnx = new Uint8Array(request.onnxSize);
    try {
      if (readSync(file, onnx, 0, onnx.length, request.onnxOffset) !== onnx.length)
        throw new Error('the OM is cut off');
    } finally {
      closeSync(file);
    }
    const folder = hasWeightFiles(onnx) ? weightFiles(request) : path.dirname(request.omPath);
    const graph = bindWeights(onnx, path.basename(request.omPath), request.weightsOffset);
    const session = await createSession(graph, folder, 'all');
    models.set(request.id, { session, storedFile: request.stored ? request.omPath : undefined });
  }

  async function run(id: number, places: readonly Place[]): Promise<void> {
    const model = models.get(id);
    if (model === undefined) throw new Error(`model ${id} is not on the device`);
    const { session } = model;
    const inputs = session.inputMetadata;
    const tensors = [...inputs, ...session.outputMetadata].map((value, i) => {
      const place = places[i];
      if (place === undefined || !value.isTensor) throw new Error(`no memory for ${value.name}`);
      return [value.name, deviceTensor(memory.view(place), value)] as const;
    });
    await session.run(
      Object.fromEntries(tensors.slice(0, inputs.length)),
      Object.fromEntries(tensors.slice(inputs.length)),
    );
  }

  async function unload(id: number): Promise<void> {
    const model = models.get(id);
    if (model === undefined) throw new Error(`model ${id} is not on the device`);
    models.delete(id);
    await model.session.release();
    if (model.storedFile !== undefined) rmSync(model.storedFile, { force: true });
  }

  return { load, run, unload };
}

/** A session over a graph in memory whose weights lie in files of that folder. */
export function createSession(
  graph: Uint8Array,
  folder: string,
  graphOptimizationLevel: 'all' | 'disabled',
): Promise<InferenceSession> {
  return InferenceSession.create(graph, {
    graphOptimizationLevel,
    logSeverityLevel: 3,
    intraOpNumThreads: 1,
    interOpNumThreads: 1,
    extra: { session: { model_external_initializers_file_folder_path: folder } },
  });
}

const arrayTypes = {
  float32: Float32Array,
  float16: Uint16Array,
  float64: Float64Array,
  int8: Int8Array,
  uint8: Uint8Array,
  int16: Int16Array,
  uint16: Uint16Array,
  int32: Int32Array,
  uint32: Uint32Array,
  int64: BigInt64Array,
  uint64: BigUint64Array,
  bool: Uint8Array,
} as const;

/** A tensor that is the memory, not a copy of it. */
function deviceTensor(bytes: Uint8Array, { type, shape }: InferenceSession.TensorValueMetadata): Tensor {
  const ArrayType = arrayTypes[type as keyof typeof arrayTypes];
  if (ArrayType === undefined) throw new Error(`the stand-in has no tensors of ${type}`);
  const dims = shape.map(Number);
  const data = new ArrayType(bytes.buffer as ArrayBuffer, bytes.byteOffset, bytes.length / ArrayType.BYTES_PER_ELEMENT);
  return new Tensor(type as 'float32', data as Float32Array, dims);
}
