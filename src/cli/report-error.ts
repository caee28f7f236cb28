import { styleText } from 'node:util';
import { WhisperNpuError } from '../errors.ts';

/** Prints an error for people: what went wrong, then what to do next. Only what nobody foresaw comes with its stack. */
export function printError(error: unknown, stderr: NodeJS.WriteStream): void {
  const label = styleText('red', 'error:', { stream: stderr });
  if (stderr.isTTY) stderr.write('\r\x1b[K'); // a progress bar may be under way
  if (error instanceof WhisperNpuError) {
    stderr.write(`${label} ${error.message}\n`);
    if (error.hint !== undefined) stderr.write(`${styleText('cyan', 'hint:', { stream: stderr })} ${error.hint}\n`);
    return;
  }
  stderr.write(`${label} ${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`);
  stderr.write('This is a fault in whisper-npu. Please report it with the lines above.\n');
}

/** The same for programs, on one line. */
export function errorJson(error: unknown, path?: string): string {
  const known = error instanceof WhisperNpuError ? error : undefined;
  const file = path ?? known?.file;
  return JSON.stringify({
    ...(file === undefined ? {} : { file }),
    error: {
      code: known?.code ?? 'UNEXPECTED',
      message: error instanceof Error ? error.message : String(error),
      ...(known?.hint === undefined ? {} : { hint: known.hint }),
    },
  });
}
