import { closeAfter, NpuError } from '../../errors.ts';
import type { ModelDimensions } from '../../model/dimensions.ts';
import type { Backend, DecoderRun, EncodedAudio } from '../backend.ts';
import { inTurn } from '../in-turn.ts';
import type { NativeDevice } from './addon.ts';
import type { AudioMemory } from './audio-memory.ts';
import { allocatePieces } from './device-memory.ts';
import { type DeviceSettings, usualSettings } from './device-settings.ts';
import { Masks } from './masks.ts';
import { MemoryPools } from './memory-pools.ts';
import { loadModels } from './model-files.ts';
import { NpuRun } from './npu-run.ts';
import type { RunContext, RunResources } from './run-context.ts';
import { slotBytes } from './sequence-memory.ts';
import { untilAborted } from './until-aborted.ts';
import { WorkInHand } from './work-in-hand.ts';

export interface NpuBackendOptions extends Partial<DeviceSettings> {
  /** An open device; the backend closes it. */
  readonly device: NativeDevice;
  /** What the device is, for people: 'NPU 0, Ascend910B4 (CANN 8.5.1)'. */
  readonly description: string;
  /** The folder with the OM files. */
  readonly directory: string;
  readonly dimensions: ModelDimensions;
  /** Stops the loading. */
  readonly signal?: AbortSignal | undefined;
}

/** How long a device may take to close when nobody waits for its work any more, most likely because somebody wants to leave. */
const givenUpLimitMs = 2000;

/**
 * Loads converted models onto an NPU.
 *
 * @throws NpuError when the files do not fit the model, or ACL fails
 */
export async function openNpuBackend(options: NpuBackendOptions): Promise<Backend> {
  const { device, signal } = options;
  try {
    return await untilAborted(load(options), signal);
  } catch (error) {
    return closeAfter(error, () => device.close(signal?.aborted ? givenUpLimitMs : undefined));
  }
}

async function load(options: NpuBackendOptions): Promise<Backend> {
  const { device, description, directory, dimensions } = options;
  const models = await loadModels(device, directory, dimensions);
  const masks = await Masks.open(device, dimensions.nVocab);
  const { slices } = await allocatePieces(device, { positions: dimensions.nTextCtx * slotBytes });
  const { positions } = slices;
  await device.submit([{ kind: 'upload', to: positions, data: positionTable(dimensions.nTextCtx) }]);
  const inPlaceRows = options.inPlaceRows ?? usualSettings.inPlaceRows;
  const { rows, greedy } = models;
  const resources: RunResources = { device, dimensions, masks, rows, greedy, positions, inPlaceRows };
  const pools = new MemoryPools(models, resources, options.queuedSteps ?? usualSettings.queuedSteps);
  const work = new WorkInHand();
  // One after another: an encoding that nobody waits for any more has its memory until it ends.
  const encodings = inTurn();
  return {
    device: description,
    dimensions,
    givesAttention: rows.files.some(({ outputsAttention }) => outputsAttention),
    async encode(logMels, signal) {
      signal?.throwIfAborted();
      checkWindows(dimensions, logMels);
      return work.wait(
        encodings.take(() => encode(resources, pools, work, logMels, signal)),
        signal,
      );
    },
    [Symbol.asyncDispose]: () => device.close(work.close() ? givenUpLimitMs : undefined),
  };
}

/** i32: number i at byte 64 i. */
function positionTable(count: number): Int32Array {
  const table = new Int32Array((count * slotBytes) / 4);
  for (let i = 0; i < count; i++) table[(i * slotBytes) / 4] = i;
  return table;
}

function checkWindows({ nAudioCtx, nMels }: ModelDimensions, logMels: readonly Float32Array[]): void {
  const expected = nMels * 2 * nAudioCtx;
  if (logMels.length === 0) throw new RangeError('there is no window to encode');
  for (const { length } of logMels)
    if (length !== expected) throw new RangeError(`a window has ${expected} values, not ${length}`);
}

async function encode(
  resources: RunResources,
  pools: MemoryPools,
  work: WorkInHand,
  logMels: readonly Float32Array[],
  signal: AbortSignal | undefined,
): Promise<EncodedAudio> {
  signal?.throwIfAborted();
  const memory = await pools.takeAudioMemory(logMels.length);
  try {
    await resources.device.submit(memory.encoding(logMels));
    signal?.throwIfAborted();
  } catch (error) {
    pools.returnAudioMemory(memory);
    throw error;
  }
  return encodedAudio(resources, pools, work, { memory, count: logMels.length });
}

function encodedAudio(
  resources: RunResources,
  pools: MemoryPools,
  work: WorkInHand,
  { memory, count }: { readonly memory: AudioMemory; readonly count: number },
): EncodedAudio {
  const state = { isReleased: false, isGivenBack: false };
  const runs = new Set<DecoderRun>();
  // Not before the last sequence is done: this memory must not become another's while they are at work on it.
  const giveBackWhenIdle = () => {
    if (!state.isReleased || state.isGivenBack || runs.size > 0) return;
    state.isGivenBack = true;
    pools.returnAudioMemory(memory);
  };
  const check = (window = 0) => {
    if (state.isReleased || work.isClosed) throw new NpuError('NPU_CLOSED', 'this audio has been released');
    if (!(window >= 0 && window < count)) throw new RangeError(`there is no window ${window} of ${count}`);
  };
  return {
    count,
    async startDecoder(window) {
      check(window);
      const sequenceMemory = await pools.takeSequenceMemory(memory);
      const windows = window === undefined ? count : 1;
      const context: RunContext = { audio: memory, firstWindow: window ?? 0, windows, memory: sequenceMemory };
      const run = decoderRun(new NpuRun(resources, context), work, check, () => {
        runs.delete(run);
        pools.returnSequenceMemory(sequenceMemory);
        giveBackWhenIdle();
      });
      runs.add(run);
      if (state.isReleased) await run[Symbol.asyncDispose]();
      check(window);
      return run;
    },
    async encoderOutput(window = 0) {
      check(window);
      const from = memory.encoderOutput(window);
      const [bytes] = from === undefined ? [] : await resources.device.submit([{ kind: 'download', from }]);
      if (bytes === undefined) throw new Error('a download has a result');
      return new Float32Array(bytes.buffer, bytes.byteOffset, bytes.byteLength / 4);
    },
    async [Symbol.asyncDispose]() {
      if (state.isReleased) return;
      state.isReleased = true;
      for (const run of runs) await run[Symbol.asyncDispose]();
      giveBackWhenIdle();
    },
  };
}

/**
 * @param hand what waits for the sequences' steps
 * @param checkAudio throws once the audio has been released
 * @param release called once, when nothing is at work on the sequences any more
 */
function decoderRun(run: NpuRun, hand: WorkInHand, checkAudio: () => void, release: () => void): DecoderRun {
  const state = { isEnded: false, isGivenUp: false };
  // One call after another: each begins where the one before has left the cache.
  const turns = inTurn();
  const call = async <T>(signal: AbortSignal | undefined, work: (check: () => void) => Promise<T>): Promise<T> => {
    signal?.throwIfAborted();
    if (state.isEnded) throw new NpuError('NPU_CLOSED', 'this sequence has been ended');
    const check = () => {
      signal?.throwIfAborted();
      checkAudio();
    };
    const turn = turns.take(async () => {
      check();
      const result = await work(check);
      signal?.throwIfAborted();
      return result;
    });
    try {
      return await hand.wait(turn, signal);
    } finally {
      if (signal?.aborted) state.isGivenUp = true;
    }
  };
  return {
    forward: (step, signal) => call(signal, () => run.forward(step)),
    candidates: (step, request, signal) => call(signal, () => run.candidates(step, request)),
    nextLogprobs: (tokens, wantedTokens, signal) => call(signal, () => run.nextLogprobs(tokens, wantedTokens)),
    greedy: (request, signal) => call(signal, (check) => run.greedy(request, check)),
    async [Symbol.asyncDispose]() {
      if (state.isEnded) return;
      state.isEnded = true;
      const released = turns.ended().then(release);
      if (!state.isGivenUp) await released;
    },
  };
}
