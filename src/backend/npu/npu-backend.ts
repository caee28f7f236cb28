import { NpuError } from '../../errors.ts';
import type { ModelDimensions } from '../../model/dimensions.ts';
import type { Backend, DecoderRun, EncodedAudio } from '../backend.ts';
import type { NativeDevice } from './addon.ts';
import { allocatePieces, part } from './device-memory.ts';
import { type DeviceSettings, usualSettings } from './device-settings.ts';
import { Masks } from './masks.ts';
import { type LoadedModels, loadModels } from './model-files.ts';
import { NpuRun, type RunParts } from './npu-run.ts';
import { createSeat, type Seat, slotBytes } from './seat.ts';

export interface NpuBackendOptions extends Partial<DeviceSettings> {
  /** An open device; the backend closes it. */
  readonly device: NativeDevice;
  /** What the device is, for people: 'NPU 0, Ascend910B4 (CANN 8.5.1)'. */
  readonly description: string;
  /** The folder with the OM files. */
  readonly directory: string;
  readonly dimensions: ModelDimensions;
}

/**
 * Loads converted models onto an NPU.
 *
 * @throws NpuError when the files do not fit the model, or ACL fails
 */
export async function openNpuBackend(options: NpuBackendOptions): Promise<Backend> {
  const { device, description, directory, dimensions } = options;
  try {
    const models = await loadModels(device, directory, dimensions);
    const masks = await Masks.open(device, dimensions.nVocab);
    const { slices } = await allocatePieces(device, { positions: dimensions.nTextCtx * slotBytes });
    const { positions } = slices;
    await device.submit([{ kind: 'upload', to: positions, data: positionTable(dimensions.nTextCtx) }]);
    const parts: RunParts = {
      device,
      dimensions,
      masks,
      positions,
      inPlaceRows: options.inPlaceRows ?? usualSettings.inPlaceRows,
    };
    const seats = new Seats(models, parts, options.queuedSteps ?? usualSettings.queuedSteps);
    return {
      device: description,
      dimensions,
      encode(logMels, signal) {
        const [logMel] = logMels;
        if (logMel === undefined || logMels.length > 1) throw new RangeError('one window at a time for now');
        return encode(parts, seats, logMel, signal);
      },
      [Symbol.asyncDispose]() {
        seats.close();
        return device.close();
      },
    };
  } catch (error) {
    await device.close();
    throw error;
  }
}

/** i32: number i at byte 64 i. */
function positionTable(count: number): Int32Array {
  const table = new Int32Array((count * slotBytes) / 4);
  for (let i = 0; i < count; i++) table[(i * slotBytes) / 4] = i;
  return table;
}

/** The seats of a device: one per window that is alive, used again and again. */
class Seats {
  readonly #models: LoadedModels;
  readonly #parts: RunParts;
  readonly #queuedSteps: number;
  readonly #free: Seat[] = [];
  isClosed = false;

  constructor(models: LoadedModels, parts: RunParts, queuedSteps: number) {
    this.#models = models;
    this.#parts = parts;
    this.#queuedSteps = queuedSteps;
  }

  async take(): Promise<Seat> {
    const free = this.#free.pop();
    if (free !== undefined) return free;
    const { device, dimensions, masks, positions } = this.#parts;
    const shared = { suppress: masks.anyPlace, position: part(positions, 0, 4) };
    return createSeat(device, this.#models, { dimensions, queuedSteps: this.#queuedSteps, shared });
  }

  /** Nothing can be asked of what sits in them any more. */
  close(): void {
    this.isClosed = true;
  }

  giveBack(seat: Seat): void {
    this.#free.push(seat);
  }
}

async function encode(
  parts: RunParts,
  seats: Seats,
  logMel: Float32Array,
  signal: AbortSignal | undefined,
): Promise<EncodedAudio> {
  signal?.throwIfAborted();
  const { nAudioCtx, nMels } = parts.dimensions;
  const expected = nMels * 2 * nAudioCtx;
  if (logMel.length !== expected) throw new RangeError(`a window has ${expected} values, not ${logMel.length}`);
  const seat = await seats.take();
  try {
    await parts.device.submit([
      { kind: 'upload', to: seat.memory.logMel, data: logMel },
      { kind: 'execute', binding: seat.encoder },
    ]);
    signal?.throwIfAborted();
  } catch (error) {
    seats.giveBack(seat);
    throw error;
  }
  return encodedAudio(parts, seats, seat);
}

function encodedAudio(parts: RunParts, seats: Seats, seat: Seat): EncodedAudio {
  const state = { isReleased: false };
  const check = () => {
    if (state.isReleased || seats.isClosed) throw new NpuError('NPU_CLOSED', 'this audio has been released');
  };
  return {
    count: 1,
    async startDecoder() {
      check();
      return decoderRun(new NpuRun(parts, seat), check);
    },
    async encoderOutput() {
      check();
      const [bytes] = await parts.device.submit([{ kind: 'download', from: seat.memory.encoderOutput }]);
      if (bytes === undefined) throw new Error('a download has a result');
      return new Float32Array(bytes.buffer, bytes.byteOffset, bytes.byteLength / 4);
    },
    async [Symbol.asyncDispose]() {
      if (!state.isReleased) seats.giveBack(seat);
      state.isReleased = true;
    },
  };
}

function decoderRun(run: NpuRun, checkAudio: () => void): DecoderRun {
  const state = { isEnded: false };
  // One call after another: each begins where the one before has left the cache.
  let last: Promise<unknown> = Promise.resolve();
  const inTurn = async <T>(signal: AbortSignal | undefined, work: () => Promise<T>): Promise<T> => {
    signal?.throwIfAborted();
    if (state.isEnded) throw new NpuError('NPU_CLOSED', 'this text has been ended');
    const turn = last.then(async () => {
      signal?.throwIfAborted();
      checkAudio();
      const result = await work();
      signal?.throwIfAborted();
      return result;
    });
    last = turn.catch(() => undefined); // its caller is told
    return turn;
  };
  return {
    forward: ({ tokens }, signal) => inTurn(signal, async () => ({ logits: await run.forward(tokens[0] ?? []) })),
    greedy: (request, signal) => inTurn(signal, () => run.greedy(request, () => signal?.throwIfAborted())),
    async [Symbol.asyncDispose]() {
      state.isEnded = true;
    },
  };
}
