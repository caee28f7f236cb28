import type { Backend, DecoderRun, EncodedAudio } from '../backend/backend.ts';
import { inTurn } from '../backend/in-turn.ts';
import type { Place, Places } from './places.ts';
import { DeviceFailed, type PooledDevice } from './pooled-device.ts';

/** A window that failed with so many devices, one after the other, is most likely itself what they fail of. */
const mostFailures = 5;

/** A window where it is encoded. */
interface Encoded {
  readonly place: Place<PooledDevice>;
  readonly backend: Backend;
  readonly audio: Promise<EncodedAudio>;
}

/**
 * A window on a device of a pool. When the device fails, the window is encoded on another one, and its sequences are begun again there,
 * by all that had been asked of them.
 */
export class PooledWindow implements AsyncDisposable {
  readonly #places: Places<PooledDevice>;
  readonly #logMel: Float32Array<ArrayBuffer>;
  #encoded: Encoded | undefined;
  #isReleased = false;

  /** Begins to encode it. @param place its first one */
  constructor(
    places: Places<PooledDevice>,
    place: Place<PooledDevice>,
    logMel: Float32Array<ArrayBuffer>,
    signal?: AbortSignal,
  ) {
    this.#places = places;
    this.#logMel = logMel;
    this.#encodeAt(place, signal);
  }

  /** Does something with the encoded window, on another device where one fails. @param work may be begun again */
  async use<T>(work: (audio: EncodedAudio) => Promise<T>, signal?: AbortSignal): Promise<T> {
    for (let failures = 1; ; failures++) {
      if (this.#isReleased) throw new Error('this audio has been released');
      const encoded = await this.#encodedNow(signal);
      const { place, backend, audio } = encoded;
      try {
        return await place.where.call(backend, async () => work(await audio), signal);
      } catch (error) {
        const isLost = error instanceof DeviceFailed || !(await isFulfilled(audio));
        if (isLost && this.#encoded === encoded) this.#leave();
        if (!(error instanceof DeviceFailed)) throw error;
        if (failures === mostFailures) throw error.cause;
      }
    }
  }

  /** Ends something that belongs to the window as it is encoded now; where that is no more, neither is this. */
  async end(what: AsyncDisposable, of: EncodedAudio): Promise<void> {
    const encoded = this.#encoded;
    if (this.#isReleased || encoded === undefined || (await encoded.audio) !== of) return;
    await endOn(encoded, async () => what);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#isReleased) return;
    this.#isReleased = true;
    const encoded = this.#encoded;
    try {
      if (encoded !== undefined && (await isFulfilled(encoded.audio))) await endOn(encoded, () => encoded.audio);
    } finally {
      this.#leave();
    }
  }

  async #encodedNow(signal: AbortSignal | undefined): Promise<Encoded> {
    while (this.#encoded === undefined) {
      const place = await this.#anotherPlace(signal);
      // Meanwhile another text of the window may have come first, or the window may have been released.
      if (this.#isReleased || this.#encoded !== undefined) place.leave();
      else this.#encodeAt(place, signal);
      if (this.#isReleased) throw new Error('this audio has been released');
    }
    return this.#encoded;
  }

  #encodeAt(place: Place<PooledDevice>, signal: AbortSignal | undefined): void {
    const { backend } = place.where;
    if (backend === undefined) {
      place.leave();
      return;
    }
    // A copy, as backends take the memory, and this may have to be done again.
    const audio = backend.encode([this.#logMel.slice()], signal);
    audio.catch(() => undefined); // thrown where it is waited for
    this.#encoded = { place, backend, audio };
  }

  async #anotherPlace(signal: AbortSignal | undefined): Promise<Place<PooledDevice>> {
    const [place] = await this.#places.take({ count: 1, priority: 0, isBegun: true, ...(signal ? { signal } : {}) });
    if (place === undefined) throw new Error('who takes a place has one');
    return place;
  }

  #leave(): void {
    this.#encoded?.place.leave();
    this.#encoded = undefined;
  }
}

async function endOn({ place, backend }: Encoded, what: () => Promise<AsyncDisposable>): Promise<void> {
  try {
    await place.where.call(backend, async () => (await what())[Symbol.asyncDispose]());
  } catch (error) {
    // What was there has gone with the device.
    if (!(error instanceof DeviceFailed)) throw error;
  }
}

/** Sequences over a window, on whichever device holds it. */
export async function pooledRun(window: PooledWindow): Promise<DecoderRun> {
  /** All requests so far, which are replayed on another device when this one fails. */
  const requests: ((run: DecoderRun) => Promise<unknown>)[] = [];
  let isEnded = false;
  let begun: { readonly audio: EncodedAudio; readonly run: DecoderRun } | undefined;
  const runOver = async (audio: EncodedAudio): Promise<DecoderRun> => {
    if (begun?.audio === audio) return begun.run;
    const run = await audio.startDecoder();
    for (const request of requests) await request(run);
    begun = { audio, run };
    return run;
  };
  // One call after the other: each begins where the one before has left the sequences.
  const turns = inTurn();
  const call = async <T>(request: (run: DecoderRun) => Promise<T>, signal?: AbortSignal): Promise<T> => {
    signal?.throwIfAborted();
    return turns.take(async () => {
      if (isEnded) throw new Error('this sequence has been ended');
      const result = await window.use(async (audio) => request(await runOver(audio)), signal);
      requests.push(request);
      return result;
    });
  };
  await window.use(runOver);
  return {
    forward: (step, signal) => call((run) => run.forward(step, signal), signal),
    candidates: (step, request, signal) => call((run) => run.candidates(step, request, signal), signal),
    nextLogprobs: (tokens, wantedTokens, signal) =>
      call((run) => run.nextLogprobs(tokens, wantedTokens, signal), signal),
    greedy: (request, signal) => call((run) => run.greedy(request, signal), signal),
    async [Symbol.asyncDispose]() {
      if (isEnded) return;
      await turns.ended();
      isEnded = true;
      if (begun !== undefined) await window.end(begun.run, begun.audio);
    },
  };
}

async function isFulfilled(promise: Promise<unknown>): Promise<boolean> {
  return promise.then(
    () => true,
    () => false,
  );
}
