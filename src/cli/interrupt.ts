import { exitCode } from './exit-codes.ts';

/** What signals to the program do. */
export interface Interruption {
  /** Aborted by the first one. */
  readonly signal: AbortSignal;
  /** Has the first one do this instead, however long it takes: what runs is brought to its end and not broken off. */
  insteadOfAborting(finish: () => void): void;
}

/**
 * Ctrl-C, SIGTERM and the end of the terminal (SIGHUP) end the work in hand cleanly, with what it started (atc); a second one,
 * or work that does not end, ends the program where it is.
 */
export function meetSignals(): Interruption {
  const controller = new AbortController();
  let isFirst = true;
  let finish: (() => void) | undefined;
  const interrupt = () => {
    if (!isFirst) endInterrupted();
    isFirst = false;
    if (finish !== undefined) return finish();
    controller.abort();
    setTimeout(endInterrupted, 5000).unref();
  };
  process.on('SIGINT', interrupt);
  process.on('SIGTERM', interrupt);
  process.on('SIGHUP', interrupt); // else atc would work on without anybody
  return {
    signal: controller.signal,
    insteadOfAborting(instead) {
      finish = instead;
    },
  };
}

export function endInterrupted(): never {
  if (process.stderr.isTTY) process.stderr.write('\r\x1b[K'); // a progress bar may be under way
  process.stderr.write('interrupted\n');
  process.exit(exitCode.interrupted);
}
