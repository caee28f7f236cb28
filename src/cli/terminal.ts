import type { WriteStream } from 'node:tty';
import { styleText } from 'node:util';
import { printable } from '../printable.ts';

/**
 * Where everything that is not a result goes: notes, warnings, progress. All of it may quote what is not our own, so
 * control characters are shown, not sent.
 */
export interface Terminal {
  note(line: string): void;
  /** A note that brings its own colours; what it quotes has been made printable. */
  styledNote(line: string): void;
  /** @param details lines below the first one */
  warn(line: string, details?: readonly string[]): void;
  /** Shows how far something is: one line that is drawn over on a terminal, a plain line now and then elsewhere. */
  progress(label: string, done: number, total: number | undefined): void;
  /**
   * The same for what takes hours and is not counted in bytes; in a log a line every half minute.
   *
   * @param line is called only when it is shown
   */
  status(line: () => Status): void;
  /** Ends the line that progress() and status() draw over. */
  endProgress(): void;
}

/** A line that says how far something is. */
export interface Status {
  /** What the bar shows, from 0 to 1; without it there is no bar. */
  readonly share: number | undefined;
  readonly text: string;
  /** Stands last and is cut where the line is full. */
  readonly name: string;
}

const barWidth = 24;
/** On a terminal about ten times a second; in a log every five seconds, or more rarely for what takes hours. */
const drawEveryMs = { terminal: 100, log: 5000, statusInLog: 30_000 };

/**
 * @param stream stderr
 * @param quiet drops notes and progress, never warnings
 */
export function openTerminal(stream: NodeJS.WriteStream, quiet: boolean): Terminal {
  const isTerminal = (stream as WriteStream).isTTY === true;
  let drawnAt = Number.NEGATIVE_INFINITY;
  let statusAt = performance.now();
  let current: string | undefined;

  const endProgress = () => {
    if (isTerminal && current !== undefined) stream.write('\r\x1b[K');
    current = undefined;
  };
  const styledNote = (line: string) => {
    endProgress();
    if (!quiet) stream.write(`${line}\n`);
  };
  return {
    note: (line) => styledNote(printable(line)),
    styledNote,
    warn(line, details = []) {
      endProgress();
      const text = [line, ...details].map(printable).join('\n  ');
      stream.write(`${styleText('yellow', 'warning:', { stream })} ${text}\n`);
    },
    progress(label, done, total) {
      if (quiet) return;
      const now = performance.now();
      const wait = isTerminal ? drawEveryMs.terminal : drawEveryMs.log;
      if (label === current && now - drawnAt < wait && done !== total) return;
      current = label;
      drawnAt = now;
      const line = printable(`${label}: ${amount(done, total)}`);
      stream.write(isTerminal ? `\r\x1b[K${cut(`${bar(shareOf(done, total))} ${line}`, stream.columns)}` : `${line}\n`);
    },
    status(line) {
      const now = performance.now();
      const wait = isTerminal ? drawEveryMs.terminal : drawEveryMs.statusInLog;
      if (quiet || ((current !== undefined || !isTerminal) && now - statusAt < wait)) return;
      statusAt = now;
      const { share, text, name: rawName } = line();
      const name = printable(rawName);
      if (!isTerminal) return void stream.write(`${name}: ${text}\n`);
      current = 'status';
      const drawn = `${share === undefined ? '' : `${bar(share)} `}${text}  ${name}`;
      stream.write(`\r\x1b[K${cut(drawn, stream.columns)}`);
    },
    endProgress,
  };
}

function amount(done: number, total: number | undefined): string {
  const share = shareOf(done, total);
  const percent = share === undefined ? '' : ` (${Math.floor(100 * share)} %)`;
  return `${megabytes(done)}${total === undefined ? '' : ` of ${megabytes(total)}`}${percent}`;
}

function shareOf(done: number, total: number | undefined): number | undefined {
  return total === undefined || total === 0 ? undefined : done / total;
}

function bar(share = 0): string {
  const filled = Math.round(barWidth * Math.min(1, share));
  return `${'█'.repeat(filled)}${'░'.repeat(barWidth - filled)}`;
}

/** Cuts a line that would wrap: a wrapped line cannot be drawn over. */
function cut(line: string, columns: number): string {
  let left = Math.max(20, columns - 1);
  let fitting = '';
  for (const character of line) {
    left -= isWide(character) ? 2 : 1;
    if (left < 0) break;
    fitting += character;
  }
  return fitting;
}

/** Whether a terminal may give a character two columns; the blocks of a bar and what lies about them have one. */
function isWide(character: string): boolean {
  const code = character.codePointAt(0) ?? 0;
  return code >= 0x1100 && !(code >= 0x2000 && code < 0x2e80);
}

function megabytes(sizeBytes: number): string {
  return `${(sizeBytes / 1e6).toFixed(1)} MB`;
}
