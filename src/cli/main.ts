#!/usr/bin/env node
/**
 * Loads the program and runs it. Loading takes a moment and opens many files, so little is imported here: a signal that
 * comes before the program is there, or files that cannot be opened, end it as they do later.
 */
import { exitCodeFor } from './exit-codes.ts';
import { endInterrupted, meetSignals } from './interrupt.ts';
import { printError } from './report-error.ts';

// One who does not read, or cannot keep, what is said beside the results does not stop the work.
process.stderr.on('error', () => undefined);

const interruption = meetSignals();
const { signal } = interruption;
signal.addEventListener('abort', endInterrupted); // nothing has begun that would have to be ended
try {
  const { runProgram } = await import('./program.ts');
  signal.removeEventListener('abort', endInterrupted);
  await runProgram(interruption);
} catch (error) {
  printError(error, process.stderr);
  process.exitCode = exitCodeFor(error);
}
