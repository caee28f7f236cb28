import { setTimeout as pause } from 'node:timers/promises';
import type { Backend } from '../backend/backend.ts';
import { ModelError, NpuError } from '../errors.ts';
import type { LoadedModel } from '../transcribe/loaded-model.ts';

/** How a device is watched. */
export interface Watch {
  /** A call that takes longer counts as failed. */
  readonly callLimitMs: number;
  /** How long after a failure the device is tried for the first time; each time it fails again, twice as long, up to a minute. */
  readonly probeMs: number;
}

/** What becomes of a device. */
export interface DeviceEvents {
  /** It has failed, and does no more. */
  readonly onOut: (error: unknown) => void;
  /** It was tried, and has failed again, or cannot be tried. */
  readonly onStillOut: (error: unknown) => void;
  readonly onBack: () => void;
}

export interface PooledDeviceOptions extends Watch, DeviceEvents {
  readonly model: LoadedModel;
  /** Loads the model there anew; without it a device that has failed stays out. */
  readonly reopen: (() => Promise<LoadedModel>) | undefined;
}

/** A call failed with its device, so that the same may go well on another. */
export class DeviceFailed extends Error {
  override readonly cause: unknown;

  constructor(cause: unknown) {
    super('the device has failed');
    this.cause = cause;
  }
}

const longestPauseMs = 60_000;

/** A device of a pool: where it fails it is left alone, and tried now and then until it works again. */
export class PooledDevice {
  readonly name: string;
  readonly #options: PooledDeviceOptions;
  readonly #closing = new AbortController();
  #model: LoadedModel | undefined;
  #recovery: Promise<void> = Promise.resolve();

  constructor(options: PooledDeviceOptions) {
    this.#options = options;
    this.#model = options.model;
    this.name = options.model.backend.device;
  }

  /** What runs the model there; undefined while the device is out. */
  get backend(): Backend | undefined {
    return this.#model?.backend;
  }

  /**
   * Waits for something that a backend of this device does.
   *
   * @throws DeviceFailed where the device has failed, meanwhile or by this; what the work throws where that is not about the device
   */
  async call<T>(backend: Backend, work: () => Promise<T>, signal?: AbortSignal): Promise<T> {
    if (this.backend !== backend) throw new DeviceFailed(new Error(`${this.name} is out`));
    try {
      return await inTime(work(), this.#options.callLimitMs, this.name);
    } catch (error) {
      if (signal?.aborted) throw error;
      if (this.backend === backend) {
        if (!isOfDevice(error)) throw error;
        this.#takeOut(error);
      }
      throw new DeviceFailed(error);
    }
  }

  async close(): Promise<void> {
    this.#closing.abort();
    await this.#recovery;
    const model = this.#model;
    this.#model = undefined;
    await model?.[Symbol.asyncDispose]();
  }

  #takeOut(error: unknown): void {
    const failed = this.#model;
    this.#model = undefined;
    this.#options.onOut(error);
    this.#recovery = this.#recover(failed, error);
  }

  async #recover(failed: LoadedModel | undefined, error: unknown): Promise<void> {
    await disposeOf(failed);
    const { reopen, onBack, onStillOut, probeMs } = this.#options;
    if (reopen === undefined) return onStillOut(error);
    for (let pauseMs = probeMs; ; pauseMs = Math.min(2 * pauseMs, longestPauseMs)) {
      await pause(pauseMs, undefined, { ref: false, signal: this.#closing.signal }).catch(() => undefined);
      if (this.#closing.signal.aborted) return;
      try {
        this.#model = await this.#opened(reopen);
        return onBack();
      } catch (again) {
        onStillOut(again);
      }
    }
  }

  /** Loads the model, and sees whether the device computes. */
  async #opened(reopen: () => Promise<LoadedModel>): Promise<LoadedModel> {
    const model = await reopen();
    try {
      await inTime(compute(model.backend), this.#options.callLimitMs, this.name);
      return model;
    } catch (error) {
      await disposeOf(model);
      throw error;
    }
  }
}

/** Of a model whose device has failed: what is wrong with it is known. */
async function disposeOf(model: LoadedModel | undefined): Promise<void> {
  try {
    await model?.[Symbol.asyncDispose]();
  } catch {}
}

/** A token over a window of silence. */
async function compute(backend: Backend): Promise<void> {
  const { nMels, nAudioCtx } = backend.dimensions;
  await using audio = await backend.encode([new Float32Array(nMels * 2 * nAudioCtx)]);
  await using run = await audio.startDecoder();
  await run.forward({ tokens: [[0]] });
}

/** What says of a device that it does not work, and nothing about what it was asked for. */
const codesOfDevices = new Set([
  'NPU_TIMEOUT',
  'NPU_DEVICE_LOST',
  'NPU_OUT_OF_MEMORY',
  'NPU_CALL',
  'NPU_DRIVER',
  'NPU_MODEL',
  'OUT_OF_MEMORY',
  'MODEL_CLOSED',
]);

function isOfDevice(error: unknown): boolean {
  return (error instanceof NpuError || error instanceof ModelError) && codesOfDevices.has(error.code);
}

/** @throws NpuError where work takes longer; then it goes on, and nobody waits for it */
async function inTime<T>(work: Promise<T>, limitMs: number, name: string): Promise<T> {
  const ended = new AbortController();
  const limit = pause(limitMs, undefined, { ref: false, signal: ended.signal }).then(
    () => {
      throw new NpuError('NPU_TIMEOUT', `${name} did not answer within ${limitMs / 1000} s`);
    },
    () => new Promise<never>(() => {}), // the work has ended in time
  );
  work.catch(() => undefined); // when nobody waits any more
  try {
    return await Promise.race([work, limit]);
  } finally {
    ended.abort();
  }
}
