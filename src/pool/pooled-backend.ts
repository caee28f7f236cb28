import type { Backend, EncodedAudio } from '../backend/backend.ts';
import { allDone } from './all-done.ts';
import { joinedRun } from './joined-run.ts';
import type { Places } from './places.ts';
import type { PooledDevice } from './pooled-device.ts';
import { PooledWindow, pooledRun } from './pooled-window.ts';

/** Devices as the windows of recordings see them. */
export interface SharedDevices {
  /** One of them, which says what all are like. */
  readonly first: Pick<Backend, 'dimensions' | 'givesAttention'>;
  /** What they are, for people. */
  readonly description: string;
  readonly places: Places<PooledDevice>;
}

/**
 * Several devices as the one backend of a recording: each of its windows goes to a device that has a place for it, waiting for its
 * turn among those of other recordings, and keeps the place until its audio is disposed of.
 *
 * @param priority of the recording: windows of higher ones come first
 */
export function pooledBackend({ first, description, places }: SharedDevices, priority: number): Backend {
  /** Windows that the recording has and has not given back. */
  const held = new Set<PooledWindow>();
  const release = async (windows: readonly PooledWindow[]) => {
    for (const window of windows) held.delete(window);
    await allDone(windows.map((window) => window[Symbol.asyncDispose]()));
  };
  return {
    device: description,
    dimensions: first.dimensions,
    givesAttention: first.givesAttention,
    async encode(logMels, signal) {
      // Who encodes a window beside one that he holds must not wait for places, of which he himself may have the last.
      const asking = { count: logMels.length, priority, isBegun: held.size > 0 };
      const taken = await places.take({ ...asking, ...(signal ? { signal } : {}) });
      const windows = taken.map(
        (place, i) => new PooledWindow(places, place, logMels[i] as Float32Array<ArrayBuffer>, signal),
      );
      for (const window of windows) held.add(window);
      try {
        await allDone(windows.map((window) => window.use(async () => undefined, signal)));
      } catch (error) {
        await release(windows);
        throw error;
      }
      return pooledAudio(windows, () => release(windows));
    },
    // The devices are the pool's.
    [Symbol.asyncDispose]: async () => {},
  };
}

function pooledAudio(windows: readonly PooledWindow[], release: () => Promise<void>): EncodedAudio {
  const one = (index: number) => {
    const window = windows[index];
    if (window === undefined) throw new RangeError(`there is no window ${index} of ${windows.length}`);
    return window;
  };
  return {
    count: windows.length,
    startDecoder: async (index) =>
      joinedRun(await allDone((index === undefined ? windows : [one(index)]).map(pooledRun))),
    encoderOutput: async (index = 0) => one(index).use((audio) => audio.encoderOutput()),
    [Symbol.asyncDispose]: release,
  };
}
