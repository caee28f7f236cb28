import { exitCode } from './exit-codes.ts';

/**
 * Ctrl-C, SIGTERM and the end of the terminal (SIGHUP) end the work in hand cleanly, with what it started (atc); a second one,
 * or work that does not end, ends the program where it is.
 */
export function interruptSignal(): AbortSignal {
  const controller = new AbortController();
  const interrupt = () => {
    if (controller.signal.aborted) endInterrupted();
    controller.abort();
    setTimeout(endInterrupted, 5000).unref();
  };
  process.on('SIGINT', interrupt);
  process.on('SIGTERM', interrupt);
  process.on('SIGHUP', interrupt); // else atc would work on without anybody
  return controller.signal;
}

export function endInterrupted(): never {
  if (process.stderr.isTTY) process.stderr.write('\r\x1b[K'); // a progress bar may be under way
  process.stderr.write('interrupted\n');
  process.exit(exitCode.interrupted);
}
