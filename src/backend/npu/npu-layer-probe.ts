import { access } from 'node:fs/promises';
import { join } from 'node:path';
import { NpuError } from '../../errors.ts';
import type { ModelDimensions } from '../../model/dimensions.ts';
import { toHalf, widenF16 } from '../../model/float.ts';
import { isTap, type LayerProbe, logitsTap, type Taps } from '../layer-probe.ts';
import type { BufferSlice, Command, NativeBinding, NativeDevice, TensorSpec } from './addon.ts';
import { allocatePieces, part } from './device-memory.ts';
import { loadWeights } from './model-files.ts';
import { tensorName } from './om-tensors.ts';

export interface NpuProbeOptions {
  /** An open device; the probe closes it. */
  readonly device: NativeDevice;
  /** The folder with layers-encoder.om and layers-decoder.om. */
  readonly directory: string;
  readonly dimensions: ModelDimensions;
}

/**
 * Loads graphs that show their blocks onto an NPU. Each block is computed from a stream that it is given; a sequence goes
 * through the step that decoding uses, token by token.
 *
 * @throws NpuError 'NPU_MODEL_MISSING', or what ACL says
 */
export async function openNpuLayerProbe({ device, directory, dimensions }: NpuProbeOptions): Promise<LayerProbe> {
  try {
    const encoder = await loadGraph(device, directory, 'layers-encoder', {});
    const crossKv = Object.fromEntries(Object.entries(encoder.slices).filter(([name]) => name.startsWith('cross_')));
    const decoder = await loadGraph(device, directory, 'layers-decoder', crossKv);
    return {
      async run(logMel, tokens, streams, signal) {
        signal?.throwIfAborted();
        const encoded = await runOnce(device, encoder, new Map([...streams, ['log_mel', logMel]]));
        const taps = new Map(Array.from(encoded).filter(([name]) => isTap(name)));
        await startText(device, decoder);
        for (const [position, token] of tokens.entries()) {
          signal?.throwIfAborted();
          const row = rowsAt(streams, position, dimensions.nTextState);
          const step = await runOnce(device, decoder, row, { token, position });
          for (const [name, values] of step) addRow(taps, name, values, { position, count: tokens.length });
        }
        return taps;
      },
      [Symbol.asyncDispose]: () => device.close(),
    };
  } catch (error) {
    await device.close();
    throw error;
  }
}

/** A graph on the device, with memory for each of its tensors. */
interface BoundGraph {
  readonly binding: NativeBinding;
  readonly inputs: readonly TensorSpec[];
  readonly outputs: readonly TensorSpec[];
  readonly slices: Readonly<Record<string, BufferSlice>>;
}

/** @param shared memory of tensors that another graph has already */
async function loadGraph(
  device: NativeDevice,
  directory: string,
  name: string,
  shared: Readonly<Record<string, BufferSlice>>,
): Promise<BoundGraph> {
  const path = join(directory, `${name}.om`);
  await access(path).catch((cause: unknown) => {
    throw new NpuError('NPU_MODEL_MISSING', `${path} is not there, and comparing block by block needs it`, {
      hint: 'Leave --om-dir out, so that it is converted here.',
      cause,
    });
  });
  const { workBytes } = await device.modelSizes(path);
  const model = await device.loadModel(path, {
    mode: 'async',
    workBuffer: await device.allocate(Math.max(64, workBytes)),
    externalWeights: name === 'layers-decoder' ? await loadWeights(device, join(directory, 'weight')) : [],
  });
  const own = [...model.inputs, ...model.outputs].filter((spec) => shared[tensorName(spec.name)] === undefined);
  const sizes = Object.fromEntries(own.map((spec) => [tensorName(spec.name), spec.sizeBytes]));
  const slices = { ...shared, ...(await allocatePieces<string>(device, sizes)).slices };
  const of = (specs: readonly TensorSpec[]) => specs.map((spec) => sliceOf(slices, spec));
  const binding = await model.createBinding(of(model.inputs), of(model.outputs));
  return { binding, inputs: model.inputs, outputs: model.outputs, slices };
}

function sliceOf(slices: Readonly<Record<string, BufferSlice>>, { name }: Pick<TensorSpec, 'name'>): BufferSlice {
  const slice = slices[tensorName(name)];
  if (slice === undefined) throw new Error(`no memory for tensor ${name}`);
  return slice;
}

/** Rows of the cache that no token has written have weight 0 but must be numbers. */
async function startText(device: NativeDevice, { slices }: BoundGraph): Promise<void> {
  await device.submit([{ kind: 'fill', to: sliceOf(slices, { name: 'self_kv' }), value: 0 }]);
}

/** A token and its position in the sequence. */
interface TokenPosition {
  readonly token: number;
  readonly position: number;
}

/**
 * @param given values of inputs that stand in it; what is not among them stays as it lies on the device
 * @returns the taps of the graph, and its logits
 */
async function runOnce(device: NativeDevice, graph: BoundGraph, given: Taps, step?: TokenPosition): Promise<Taps> {
  const { binding, inputs, outputs, slices } = graph;
  const commands: Command[] = [];
  for (const spec of inputs) {
    const values = given.get(tensorName(spec.name));
    if (values !== undefined)
      commands.push({ kind: 'upload', to: sliceOf(slices, spec), data: narrowed(values, spec) });
  }
  if (step !== undefined) {
    const { token, position } = step;
    const number = (name: string, value: number): Command => {
      return { kind: 'upload', to: sliceOf(slices, { name }), data: Int32Array.of(value) };
    };
    commands.push(number('tokens', token), number('position', position));
  }
  commands.push({ kind: 'execute', binding });
  if (step !== undefined) {
    const from = sliceOf(slices, { name: 'new_kv' });
    const to = part(sliceOf(slices, { name: 'self_kv' }), step.position * from.sizeBytes, from.sizeBytes);
    commands.push({ kind: 'copy', from, to });
  }
  const wanted = outputs.filter(({ name }) => isTap(tensorName(name)) || tensorName(name) === logitsTap);
  for (const spec of wanted) commands.push({ kind: 'download', from: sliceOf(slices, spec) });
  const results = await device.submit(commands);
  return new Map(wanted.map((spec, i) => [tensorName(spec.name), widened(results[i], spec)]));
}

function narrowed(values: Float32Array, { dtype }: TensorSpec): Uint8Array | Float32Array {
  if (dtype !== 'float16') return values;
  return new Uint8Array(Uint16Array.from(values, toHalf).buffer);
}

function widened(bytes: Uint8Array<ArrayBuffer> | undefined, { dtype }: TensorSpec): Float32Array {
  if (bytes === undefined) throw new Error('a download has a result');
  const { buffer, byteOffset, byteLength } = bytes;
  if (dtype !== 'float16') return new Float32Array(buffer, byteOffset, byteLength / 4);
  const values = new Float32Array(byteLength / 2);
  widenF16(new Int16Array(buffer, byteOffset, byteLength / 2), new Int32Array(values.buffer), 0);
  return values;
}

/** One token's part of the decoder's streams. */
function rowsAt(streams: Taps, position: number, state: number): Taps {
  const ofDecoder = Array.from(streams).filter(([name]) => name.startsWith('model.decoder.'));
  return new Map(ofDecoder.map(([name, values]) => [name, values.subarray(position * state, (position + 1) * state)]));
}

/** Puts a token's row behind those before it; of the logits the last ones stay. */
function addRow(
  taps: Map<string, Float32Array>,
  name: string,
  values: Float32Array,
  { position, count }: { readonly position: number; readonly count: number },
): void {
  if (name === logitsTap) {
    taps.set(name, values);
    return;
  }
  const rows = taps.get(name) ?? new Float32Array(count * values.length);
  rows.set(values, position * values.length);
  taps.set(name, rows);
}
