import type { WriteStream } from 'node:tty';
import { styleText } from 'node:util';

/** Where everything that is not a result goes: notes, warnings, progress. */
export interface Terminal {
  note(line: string): void;
  warn(line: string): void;
  /** Shows how far something is: one line that is drawn over on a terminal, a plain line now and then elsewhere. */
  progress(label: string, done: number, total: number | undefined): void;
  /** Ends the line that progress() draws over. */
  endProgress(): void;
}

const barWidth = 24;
/** On a terminal about ten times a second; in a log every five seconds. */
const drawEveryMs = { terminal: 100, log: 5000 };

/**
 * @param stream stderr
 * @param quiet drops notes and progress, never warnings
 */
export function openTerminal(stream: NodeJS.WriteStream, quiet: boolean): Terminal {
  const isTerminal = (stream as WriteStream).isTTY === true;
  let drawnAt = Number.NEGATIVE_INFINITY;
  let current: string | undefined;

  const endProgress = () => {
    if (isTerminal && current !== undefined) stream.write('\r\x1b[K');
    current = undefined;
  };
  return {
    note(line) {
      endProgress();
      if (!quiet) stream.write(`${line}\n`);
    },
    warn(line) {
      endProgress();
      stream.write(`${styleText('yellow', 'warning:', { stream })} ${line}\n`);
    },
    progress(label, done, total) {
      if (quiet) return;
      const now = performance.now();
      const wait = isTerminal ? drawEveryMs.terminal : drawEveryMs.log;
      if (label === current && now - drawnAt < wait && done !== total) return;
      current = label;
      drawnAt = now;
      stream.write(
        isTerminal ? `\r\x1b[K${bar(label, done, total, stream.columns)}` : `${plain(label, done, total)}\n`,
      );
    },
    endProgress,
  };
}

function plain(label: string, done: number, total: number | undefined): string {
  const share = total === undefined || total === 0 ? '' : ` (${Math.floor((100 * done) / total)} %)`;
  return `${label}: ${megabytes(done)}${total === undefined ? '' : ` of ${megabytes(total)}`}${share}`;
}

function bar(label: string, done: number, total: number | undefined, columns: number): string {
  const filled = total === undefined || total === 0 ? 0 : Math.round((barWidth * done) / total);
  const drawn = `${'█'.repeat(filled)}${'░'.repeat(barWidth - filled)}`;
  return `${drawn} ${plain(label, done, total)}`.slice(0, Math.max(20, columns - 1));
}

function megabytes(sizeBytes: number): string {
  return `${(sizeBytes / 1e6).toFixed(1)} MB`;
}
