import { type Place, placesIn } from '../pool/places.ts';
import { RequestError } from './http/request-error.ts';

export interface AdmissionLimits {
  /** Requests that are worked on at a time. */
  readonly running: number;
  /** Requests that are let in beside those: they send their recordings, or wait. */
  readonly waiting: number;
  /** How long one may wait for its turn. */
  readonly waitSeconds: number;
}

/** A request that has been let in. Disposing of it lets another one in. */
export interface Ticket extends Disposable {
  /** Waits for the request's turn. @throws RequestError 429 where that takes too long; the signal's reason */
  turn(signal: AbortSignal): Promise<void>;
}

/** Who may come in, and whose turn it is. */
export interface Admission {
  /** @throws RequestError 429 where there is no room */
  enter(): Ticket;
  readonly running: number;
  /** Those that have come in and are not being worked on. */
  readonly waiting: number;
}

/** How much the newest request's time counts in the mean that says when to come again. */
const newestShare = 0.2;
const [soonestSeconds, latestSeconds] = [1, 60];

export function openAdmission(limits: AdmissionLimits): Admission {
  const places = placesIn([{ where: 'work', places: limits.running }]);
  let inside = 0;
  let meanSeconds = 1;

  const running = () => places.taken('work');
  const full = (message: string) => {
    const seconds = ((inside - running()) * meanSeconds) / limits.running;
    const retryAfterSeconds = Math.ceil(Math.min(latestSeconds, Math.max(soonestSeconds, seconds)));
    return new RequestError(429, 'TOO_MANY_REQUESTS', message, { retryAfterSeconds });
  };
  const takePlace = async (signal: AbortSignal): Promise<Place<string> | undefined> => {
    const late = new AbortController();
    const timer = setTimeout(
      () => late.abort(full('the server is busy: it was not this request’s turn for too long')),
      1000 * limits.waitSeconds,
    );
    try {
      const [place] = await places.take({ count: 1, priority: 0, signal: AbortSignal.any([signal, late.signal]) });
      return place;
    } finally {
      clearTimeout(timer);
    }
  };
  return {
    get running() {
      return running();
    },
    get waiting() {
      return inside - running();
    },
    enter() {
      if (inside >= limits.running + limits.waiting) throw full('the server is busy: too many requests are waiting');
      inside++;
      let place: Place<string> | undefined;
      let startedAt = 0;
      let isInside = true;
      return {
        async turn(signal) {
          place = await takePlace(signal);
          startedAt = performance.now();
        },
        [Symbol.dispose]() {
          if (!isInside) return;
          isInside = false;
          inside--;
          if (place === undefined) return;
          meanSeconds += newestShare * ((performance.now() - startedAt) / 1000 - meanSeconds);
          place.leave();
        },
      };
    },
  };
}
