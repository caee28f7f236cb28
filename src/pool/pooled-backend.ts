import type { Backend, EncodedAudio } from '../backend/backend.ts';
import { allDone } from './all-done.ts';
import { joinedRun } from './joined-run.ts';
import type { Place, Places } from './places.ts';

/** Devices as the windows of recordings see them. */
export interface SharedDevices {
  /** One of them, which says what all are like. */
  readonly first: Backend;
  /** What they are, for people. */
  readonly description: string;
  readonly places: Places<Backend>;
}

/** A window on a device. */
interface PlacedWindow {
  readonly audio: EncodedAudio;
  readonly place: Place<Backend>;
}

/**
 * Several devices as the one backend of a recording: each of its windows goes to a device that has a place for it, waiting for its
 * turn among those of other recordings, and keeps the place until its audio is disposed of.
 *
 * @param priority of the recording: windows of higher ones come first
 */
export function pooledBackend({ first, description, places }: SharedDevices, priority: number): Backend {
  return {
    device: description,
    dimensions: first.dimensions,
    givesAttention: first.givesAttention,
    async encode(logMels, signal) {
      const taken = await places.take({ count: logMels.length, priority, signal });
      const windows: PlacedWindow[] = [];
      const encodings = taken.map(async (place, i) => {
        const audio = await place.where.encode([logMels[i] as Float32Array<ArrayBuffer>], signal);
        windows[i] = { audio, place };
      });
      try {
        await allDone(encodings);
      } catch (error) {
        await release(windows.filter((window) => window !== undefined));
        for (const place of taken) place.leave();
        throw error;
      }
      return pooledAudio(windows);
    },
    // The devices are the pool's.
    [Symbol.asyncDispose]: async () => {},
  };
}

function pooledAudio(windows: readonly PlacedWindow[]): EncodedAudio {
  const one = (index: number) => {
    const window = windows[index];
    if (window === undefined) throw new RangeError(`there is no window ${index} of ${windows.length}`);
    return window;
  };
  return {
    count: windows.length,
    async startDecoder(index) {
      const chosen = index === undefined ? windows : [one(index)];
      return joinedRun(await allDone(chosen.map(({ audio }) => audio.startDecoder())));
    },
    encoderOutput: async (index = 0) => one(index).audio.encoderOutput(),
    [Symbol.asyncDispose]: () => release(windows),
  };
}

async function release(windows: readonly PlacedWindow[]): Promise<void> {
  try {
    await allDone(windows.map(({ audio }) => audio[Symbol.asyncDispose]()));
  } finally {
    for (const { place } of windows) place.leave();
  }
}
