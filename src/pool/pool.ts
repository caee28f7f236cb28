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
import { eagerly } from './eagerly.ts';
import { type Places, placesIn } from './places.ts';
import { pooledBackend } from './pooled-backend.ts';
import { PooledDevice, type Watch } from './pooled-device.ts';
import { openRecordings } from './recordings.ts';

/** How a recording is transcribed, and when its turn comes. */
export interface PoolTranscribeOptions extends TranscribeOptions {
  /** Windows of recordings with a higher one come first; 0 by default. Among equals recordings take turns by window. */
  readonly priority?: number;
}

/** What a device of a pool is doing. */
export interface DeviceStatus {
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

export interface PoolLimits {
  /** Windows that a device has at a time. */
  readonly batchSize: number;
  /** Recordings that are read at a time. */
  readonly maxRecordings: number;
}

/** What a pool does about devices that fail. */
export interface PoolCare extends Partial<Watch> {
  /** Loads the model onto device `index` anew; without it a device that has failed stays out. */
  readonly reopen?: (index: number) => Promise<LoadedModel>;
  /** Told with one line of a device that is taken out, and of one that is back. */
  readonly onWarning?: ((message: string) => void) | undefined;
}

/** A call of a device takes seconds; NPUs themselves count as failed after a minute or two without a word. */
const usualWatch: Watch = { callLimitMs: 600_000, probeMs: 1000 };

/** @param models the same one on each device, at least one; the pool disposes of them */
export function poolOf(
  models: readonly LoadedModel[],
  { batchSize, maxRecordings }: PoolLimits,
  { reopen, onWarning = () => {}, ...watch }: PoolCare = {},
): Pool {
  const [first] = models;
  if (first === undefined) throw new Error('a pool needs a model');
  const members = models.map((model, index): PooledDevice => {
    const device: PooledDevice = new PooledDevice({
      ...usualWatch,
      ...watch,
      model,
      reopen: reopen === undefined ? undefined : () => reopen(index),
      onOut(error) {
        places.takeOut(device);
        onWarning(`${device.name} has failed, and others do its windows again: ${firstLine(error)}`);
      },
      onStillOut(error) {
        if (!places.isAnywhere) places.refuse(error);
      },
      onClose: () => places.takeOut(device),
      onBack() {
        onWarning(`${device.name} works again`);
        places.bringBack(device);
      },
    });
    return device;
  });
  const places: Places<PooledDevice> = placesIn(members.map((where) => ({ where, places: batchSize })));
  const description = members.map(({ name }) => name).join('; ');
  const { dimensions, givesAttention } = first.backend;
  const devices = { first: { dimensions, givesAttention }, description, places };
  const recordings = openRecordings(maxRecordings);
  const modelFor = (priority: number): LoadedModel => ({ ...first, backend: pooledBackend(devices, priority) });
  let closing: Promise<void> | undefined;

  async function close(): Promise<void> {
    const reason = new ModelError('POOL_CLOSED', 'the pool has been closed');
    places.close(reason);
    await recordings.close(reason);
    await allDone(members.map((device) => device.close()));
  }
  const closeOnce = () => {
    closing ??= close();
    return closing;
  };
  return {
    name: first.name,
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
      const ofDevices = members.map((device) => {
        const isOut = device.backend === undefined;
        return { name: device.name, places: batchSize, windows: places.taken(device), isOut };
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

function firstLine(error: unknown): string {
  const [line = ''] = (error instanceof Error ? error.message : String(error)).split('\n');
  return line;
}
