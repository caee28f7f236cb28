import { type Place, placesIn } from './places.ts';

/** What a recording waits for before it is read, and what ends it. */
export interface RecordingTurn {
  readonly priority: number;
  readonly signals: readonly (AbortSignal | undefined)[];
}

/** The recordings that are being worked on. */
export interface Recordings {
  readonly open: number;
  readonly waiting: number;
  /** Waits until one more recording may be read, and works on it. @param work given what aborts it */
  during<T>(turn: RecordingTurn, work: (signal: AbortSignal) => AsyncGenerator<T>): AsyncGenerator<T>;
  /** Ends all, and waits for that. */
  close(reason: Error): Promise<void>;
}

/** @param most that are read at a time, so that only as many have windows in memory */
export function openRecordings(most: number): Recordings {
  const places = placesIn([{ where: 'memory', places: most }]);
  /** What ends each, and tells when it has ended. */
  const working = new Map<AbortController, Promise<void>>();
  let closed: Error | undefined;
  return {
    get open() {
      return working.size - places.waiting;
    },
    get waiting() {
      return places.waiting;
    },
    async *during({ priority, signals }, work) {
      const ending = new AbortController();
      if (closed !== undefined) ending.abort(closed);
      const stopFollowing = follow(signals, ending);
      let ended = () => {};
      working.set(
        ending,
        new Promise<void>((resolve) => {
          ended = resolve;
        }),
      );
      let taken: readonly Place<string>[] = [];
      try {
        taken = await places.take({ count: 1, priority, signal: ending.signal });
        yield* work(ending.signal);
      } finally {
        for (const place of taken) place.leave();
        stopFollowing();
        working.delete(ending);
        ended();
      }
    },
    async close(reason) {
      closed = reason;
      places.close(reason);
      for (const ending of working.keys()) ending.abort(reason);
      await Promise.all(working.values());
    },
  };
}

/** Aborts with the first of some signals, until it is told to stop: AbortSignal.any() is held by signals that live long. */
function follow(signals: readonly (AbortSignal | undefined)[], ending: AbortController): () => void {
  const following = signals.flatMap((signal) => {
    if (signal === undefined) return [];
    const pass = () => ending.abort(signal.reason);
    if (signal.aborted) pass();
    signal.addEventListener('abort', pass);
    return [() => signal.removeEventListener('abort', pass)];
  });
  return () => {
    for (const stop of following) stop();
  };
}
