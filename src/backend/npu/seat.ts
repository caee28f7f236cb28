import type { ModelDimensions } from '../../model/dimensions.ts';
import type { BufferSlice, NativeBinding, NativeBuffer, NativeDevice, NativeModel } from './addon.ts';
import { allocatePieces, part } from './device-memory.ts';
import { type LoadedModels, tensorName } from './model-files.ts';

/** Tokens and log-probabilities stand 64 bytes apart: a step's input and output addresses must be aligned. */
export const slotBytes = 64;

/** Memory of one window and of the text over it. */
export interface SeatMemory {
  readonly logMel: BufferSlice;
  readonly encoderOutput: BufferSlice;
  /** The cache, position-major: nTextCtx rows. */
  readonly selfKv: BufferSlice;
  /** Slot i holds the token at position i. */
  readonly tokens: BufferSlice;
  /** Slot i holds the log-probability of the token at position i. */
  readonly logprobs: BufferSlice;
  /** Where results go that nobody wants. */
  readonly scratch: BufferSlice;
  /** Where new rows go when they are copied into the cache instead of being written there. */
  readonly newKv: BufferSlice;
  readonly logits: BufferSlice;
}

/** A decoder with its tensors bound to a seat, and where in its lists the tensors stand that change from step to step. */
export interface BoundDecoder {
  readonly binding: NativeBinding;
  readonly inputs: ReadonlyMap<string, number>;
  readonly outputs: ReadonlyMap<string, number>;
}

/** Everything one window and its text need on the device, built once and used for one recording after another. */
export interface Seat {
  readonly memory: SeatMemory;
  readonly encoder: NativeBinding;
  /** Decoders by width; several of a width, so that as many steps can be queued at once. */
  readonly decoders: ReadonlyMap<number, readonly BoundDecoder[]>;
  readonly buffer: NativeBuffer;
  /** Size of one row of the cache. */
  readonly rowBytes: number;
}

export interface SeatOptions {
  readonly dimensions: ModelDimensions;
  /** Steps that are queued between two looks at the tokens. */
  readonly queuedSteps: number;
  /** Device memory that all seats share, by the tensor's name: `suppress` and `position` to begin with. */
  readonly shared: Readonly<Record<'suppress' | 'position', BufferSlice>>;
}

export async function createSeat(device: NativeDevice, models: LoadedModels, options: SeatOptions): Promise<Seat> {
  const { dimensions, queuedSteps, shared } = options;
  const { nAudioCtx, nAudioState, nMels, nTextCtx, nTextLayer, nTextState, nVocab } = dimensions;
  const { itemSizeBytes } = models;
  const rowBytes = nTextLayer * 2 * nTextState * itemSizeBytes;
  const widest = Math.max(...models.decoders.keys());
  const layers = Array.from({ length: nTextLayer }, (_, layer) => [`cross_k_${layer}`, `cross_v_${layer}`]).flat();
  const crossSizes = Object.fromEntries(layers.map((name) => [name, nAudioCtx * nTextState * itemSizeBytes]));
  const { buffer, slices } = await allocatePieces<string>(device, {
    ...crossSizes,
    logMel: 4 * nMels * 2 * nAudioCtx,
    encoderOutput: 4 * nAudioCtx * nAudioState,
    selfKv: nTextCtx * rowBytes,
    tokens: (nTextCtx + 1) * slotBytes,
    logprobs: (nTextCtx + 1) * slotBytes,
    scratch: slotBytes,
    newKv: widest * rowBytes,
    logits: 4 * nVocab,
  });
  const memory = slices as unknown as SeatMemory;
  // Rows that no token has written yet have weight 0 in the attention, but 0 times NaN would be NaN.
  await device.submit([{ kind: 'fill', to: memory.selfKv, value: 0 }]);

  const cross = Object.fromEntries(layers.map((name) => [name, slices[name] as BufferSlice]));
  const encoderTensors = { ...cross, log_mel: memory.logMel, encoder_output: memory.encoderOutput };
  const { binding: encoder } = await bind(models.encoder, encoderTensors);
  const decoders = new Map<number, BoundDecoder[]>();
  for (const [width, model] of models.decoders) {
    const tensors = {
      ...cross,
      ...shared,
      self_kv: memory.selfKv,
      tokens: part(memory.tokens, 0, 4 * width),
      new_kv: part(memory.newKv, 0, width * rowBytes),
      next_token: part(memory.scratch, 0, 4),
      logprob: part(memory.scratch, 0, 4),
      logits: memory.logits,
    };
    const bound: BoundDecoder[] = [];
    while (bound.length < (width === 1 ? queuedSteps : 1)) bound.push(await bind(model, tensors));
    decoders.set(width, bound);
  }
  return { memory, encoder, decoders, buffer, rowBytes };
}

async function bind(model: NativeModel, tensors: Readonly<Record<string, BufferSlice>>): Promise<BoundDecoder> {
  const indices = (specs: readonly { name: string }[]) => new Map(specs.map(({ name }, i) => [tensorName(name), i]));
  const inputs = indices(model.inputs);
  const outputs = indices(model.outputs);
  const slices = (names: ReadonlyMap<string, number>) =>
    Array.from(names.keys(), (name) => {
      const slice = tensors[name];
      if (slice === undefined) throw new Error(`no memory for tensor ${name}`);
      return slice;
    });
  return { binding: await model.createBinding(slices(inputs), slices(outputs)), inputs, outputs };
}
