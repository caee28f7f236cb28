import { styleText } from 'node:util';
import { WhisperNpuError } from '../errors.ts';
import { printable, printableLines } from '../printable.ts';

/**
 * Prints an error for people: what went wrong with the code that docs/troubleshooting.md explains, then what to do next. Only what
 * nobody foresaw comes with its stack.
 */
export function printError(error: unknown, stderr: NodeJS.WriteStream): void {
  const label = styleText('red', 'error:', { stream: stderr });
  if (stderr.isTTY) stderr.write('\r\x1b[K'); // a progress bar may be under way
  const known = explained(error);
  if (known !== undefined) {
    const code = styleText('dim', `[${known.code}]`, { stream: stderr });
    stderr.write(`${label} ${printableLines(known.message)} ${code}\n`);
    if (known.hint !== undefined)
      stderr.write(`${styleText('cyan', 'hint:', { stream: stderr })} ${printable(known.hint)}\n`);
    return;
  }
  stderr.write(`${label} ${error instanceof Error ? stackOf(error) : printable(String(error))}\n`);
  stderr.write('This is a fault in whisper-npu. Please report it with the lines above.\n');
}

/** The message on one line, then where it comes from. */
function stackOf({ name, message, stack = '' }: Error): string {
  const frames = stack.slice(stack.indexOf(message) + message.length).replace(/^[^\n]*/, '');
  return `${printable(`${name}: ${message}`)}${printableLines(frames)}`;
}

/** The same for programs, on one line. */
export function errorJson(error: unknown, path?: string): string {
  const known = explained(error);
  const file = path ?? known?.file;
  return JSON.stringify({
    ...(file === undefined ? {} : { file }),
    error: {
      code: known?.code ?? 'UNEXPECTED',
      message: known?.message ?? (error instanceof Error ? error.message : String(error)),
      ...(known?.hint === undefined ? {} : { hint: known.hint }),
    },
  });
}

/** What the program can explain: its own errors, and a limit that may be met wherever a file is opened. */
function explained(error: unknown): WhisperNpuError | undefined {
  for (let cause = error; cause instanceof Error; cause = cause.cause) {
    const { code, path = 'another one' } = cause as NodeJS.ErrnoException;
    if (code !== 'EMFILE' && code !== 'ENFILE') continue;
    return new WhisperNpuError('TOO_MANY_FILES', `too many files are open, so ${path} cannot be`, {
      hint: 'allow more of them: ulimit -n 1024',
      cause: error,
    });
  }
  return error instanceof WhisperNpuError ? error : undefined;
}
