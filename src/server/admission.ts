import { setTimeout as sleep } from 'node:timers/promises';
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
  const line: (() => void)[] = [];
  let inside = 0;
  let running = 0;
  let meanSeconds = 1;

  const full = (message: string) => {
    const seconds = ((inside - running) * meanSeconds) / limits.running;
    const retryAfterSeconds = Math.ceil(Math.min(latestSeconds, Math.max(soonestSeconds, seconds)));
    return new RequestError(429, 'TOO_MANY_REQUESTS', message, { retryAfterSeconds });
  };
  const serve = () => {
    while (running < limits.running && line.length > 0) {
      running++;
      line.shift()?.();
    }
  };
  return {
    get running() {
      return running;
    },
    get waiting() {
      return inside - running;
    },
    enter() {
      if (inside >= limits.running + limits.waiting) throw full('the server is busy: too many requests are waiting');
      inside++;
      let startedAt: number | undefined;
      let isInside = true;
      return {
        async turn(signal) {
          signal.throwIfAborted();
          await waitInLine(line, serve, limits.waitSeconds, signal, () =>
            full('the server is busy: it was not this request’s turn for too long'),
          );
          startedAt = performance.now();
        },
        [Symbol.dispose]() {
          if (!isInside) return;
          isInside = false;
          inside--;
          if (startedAt === undefined) return;
          running--;
          meanSeconds += newestShare * ((performance.now() - startedAt) / 1000 - meanSeconds);
          serve();
        },
      };
    },
  };
}

async function waitInLine(
  line: (() => void)[],
  serve: () => void,
  waitSeconds: number,
  signal: AbortSignal,
  tooLong: () => RequestError,
): Promise<void> {
  const done = new AbortController();
  let step = () => {};
  const served = new Promise<void>((resolve) => {
    step = resolve;
  });
  line.push(step);
  serve();
  const gone = new Promise<never>((_, reject) => {
    signal.addEventListener('abort', () => reject(signal.reason), { signal: done.signal });
  });
  const late = sleep(1000 * waitSeconds, undefined, { signal: done.signal }).then(() => {
    throw tooLong();
  });
  try {
    await Promise.race([served, gone, late]);
  } catch (error) {
    const place = line.indexOf(step);
    // Served in the same moment, it has its turn, and what it does will find that nobody waits for it.
    if (place < 0) return;
    line.splice(place, 1);
    throw error;
  } finally {
    done.abort();
    late.catch(() => undefined);
  }
}
