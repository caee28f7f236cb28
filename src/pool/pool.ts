import type { LanguageProbability } from '../decoding/language.ts';
import { ModelError } from '../errors.ts';
import type { Dtype } from '../model/dtype.ts';
import { checkedOptions } from '../options/library-options.ts';
import { turnOptions } from '../options/pool.ts';
import { detectLanguage } from '../transcribe/detect-language.ts';
import type { LoadedModel } from '../transcribe/loaded-model.ts';
import type { Recording } from '../transcribe/log-mel-source.ts';
import type { TranscribeOptions } from '../transcribe/options.ts';
import type { Segment } from '../transcribe/segment.ts';
import { transcribe } from '../transcribe/transcribe.ts';
import { allDone } from './all-done.ts';
import type { DeviceUse } from './device-use.ts';
import { eagerly } from './eagerly.ts';
import { pooledBackend } from './pooled-backend.ts';
import { type PoolCare, pooledDevices } from './pooled-devices.ts';
import { openRecordings } from './recordings.ts';

/** How a recording is transcribed, and when its turn comes. */
export interface PoolTranscribeOptions extends TranscribeOptions {
  /** Windows of recordings with a higher one come first; 0 by default. Among equals recordings take turns by window. */
  readonly priority?: number;
}

/** What a device of a pool is doing, and has done. */
export interface DeviceStatus extends DeviceUse {
  /** For people: 'NPU 0, Ascend910B4 (CANN 8.5.1)'. */
  readonly name: string;
  /** How many windows it takes at a time, and how many it has. */
  readonly places: number;
  readonly windows: number;
  /** It has failed and gets no windows until it works again, which is tried now and then. */
  readonly isOut: boolean;
}

/** What a pool is doing. */
export interface PoolStatus {
  readonly devices: readonly DeviceStatus[];
  /** That are being transcribed, and that wait for being read. */
  readonly recordings: number;
  readonly waitingRecordings: number;
  /** That devices have, and that wait for a device. */
  readonly windows: number;
  readonly waitingWindows: number;
}

/** A model on several devices, for recordings that are transcribed at the same time. */
export interface Pool extends AsyncDisposable {
  readonly name: string;
  /** A short hash of the model's weights, the same on every machine. */
  readonly hash?: string | undefined;
  /** What the devices compute in. */
  readonly dtype: Dtype;
  /**
   * As `transcribe()` of the library does it with one model. It begins with the first segment that is asked for, and goes on
   * whether more are asked for or not; who leaves the loop ends it.
   */
  transcribe(recording: Recording, options?: PoolTranscribeOptions): AsyncGenerator<Segment>;
  /** As `detectLanguage()` of the library does it with one model. */
  detectLanguage(recording: Recording, signal?: AbortSignal): Promise<LanguageProbability[]>;
  status(): PoolStatus;
  /** Ends all recordings with an error, and frees the devices. */
  close(): Promise<void>;
}

/** A pool's devices, for people. */
export function deviceNames(pool: Pool): string {
  return pool
    .status()
    .devices.map(({ name }) => name)
    .join('; ');
}

export interface PoolLimits {
  /** Windows that a device has at a time. */
  readonly batchSize: number;
  /** Recordings that are read at a time. */
  readonly maxRecordings: number;
}

/** @param models the same one on each device, at least one; the pool disposes of them */
export function poolOf(
  models: readonly LoadedModel[],
  { batchSize, maxRecordings }: PoolLimits,
  care: PoolCare = {},
): Pool {
  const [first] = models;
  if (first === undefined) throw new Error('a pool needs a model');
  const { devices, places, useOf } = pooledDevices(models, batchSize, care);
  const description = devices.map(({ name }) => name).join('; ');
  const { dimensions, givesAttention } = first.backend;
  const shared = { first: { dimensions, givesAttention }, description, places };
  const recordings = openRecordings(maxRecordings);
  const modelFor = (priority: number): LoadedModel => ({ ...first, backend: pooledBackend(shared, priority) });
  let closing: Promise<void> | undefined;

  async function close(): Promise<void> {
    const reason = new ModelError('POOL_CLOSED', 'the pool has been closed');
    places.close(reason);
    await recordings.close(reason);
    await allDone(devices.map((device) => device.close()));
  }
  const closeOnce = () => {
    closing ??= close();
    return closing;
  };
  return {
    name: first.name,
    hash: first.hash,
    dtype: first.dtype,
    transcribe(recording, { priority: given, ...options } = {}) {
      const { priority } = checkedOptions(
        { call: 'pool.transcribe()', tables: [turnOptions] },
        { priority: given },
        () => {},
      );
      return eagerly((left) =>
        recordings.during({ priority, signals: [left, options.signal] }, (signal) =>
          transcribe(modelFor(priority), recording, { ...options, signal }),
        ),
      );
    },
    async detectLanguage(recording, signal) {
      async function* languages(signal: AbortSignal) {
        yield await detectLanguage(modelFor(0), recording, signal);
      }
      for await (const found of recordings.during({ priority: 0, signals: [signal] }, languages)) return found;
      throw new Error('a recording has languages');
    },
    status() {
      const ofDevices = devices.map((device) => {
        const isOut = device.backend === undefined;
        return { name: device.name, places: batchSize, windows: places.taken(device), isOut, ...useOf(device) };
      });
      return {
        devices: ofDevices,
        recordings: recordings.open,
        waitingRecordings: recordings.waiting,
        windows: ofDevices.reduce((sum, { windows }) => sum + windows, 0),
        waitingWindows: places.waiting,
      };
    },
    close: closeOnce,
    [Symbol.asyncDispose]: closeOnce,
  };
}
