import { extname } from 'node:path';
import type { Status } from '../../terminal.ts';

/** A file that is still to be done. */
export interface Pending {
  readonly path: string;
  /** 0 where nobody knows. */
  readonly sizeBytes: number;
}

/** Where a batch stands. Times are seconds of audio unless they say otherwise. */
export interface BatchProgress {
  /** The next file begins. */
  begin(name: string, durationSeconds: number | undefined): void;
  /** How much of the file has been heard. */
  reach(seconds: number): void;
  /** The file ends, heard as far as it was reached. */
  end(): void;
  /** What to show of it. */
  status(): Status;
  /** How much of the current file has been heard; undefined between files. */
  readonly position: { readonly name: string; readonly seconds: number } | undefined;
}

/** What a byte holds before any file has shown it: 16-bit samples at 16 kHz. */
const usualSecondsPerByte = 1 / 32_000;

/**
 * Follows a batch file by file. How long files are that have not been opened yet is told from their sizes and from what
 * files with the same extension held so far.
 *
 * @param pending all files to be done, in order
 * @param now in milliseconds
 */
export function followBatch(pending: readonly Pending[], now: () => number = () => performance.now()): BatchProgress {
  const density = createDensity();
  let done = 0;
  let heardBefore = 0;
  let workedMs = 0;
  let file: { name: string; durationSeconds: number | undefined; seconds: number; beganMs: number } | undefined;

  return {
    begin(name, durationSeconds) {
      file = { name, durationSeconds, seconds: 0, beganMs: now() };
    },
    reach(seconds) {
      if (file !== undefined) file.seconds = seconds;
    },
    end() {
      const ended = pending[done++];
      if (file === undefined) return;
      if (ended !== undefined && file.seconds > 0) density.learn(ended, file.durationSeconds ?? file.seconds);
      heardBefore += file.seconds;
      workedMs += now() - file.beganMs;
      file = undefined;
    },
    status() {
      const { name = '', durationSeconds, seconds = 0, beganMs = now() } = file ?? {};
      const heard = heardBefore + seconds;
      const elapsedMs = workedMs + now() - beganMs;
      const inFile = durationSeconds === undefined ? undefined : Math.max(0, durationSeconds - seconds);
      const later = pending.slice(done + 1).reduce((sum, next) => sum + density.secondsOf(next), 0);
      const secondsLeft = (audioSeconds: number) =>
        heard === 0 ? undefined : ((audioSeconds / heard) * elapsedMs) / 1000;
      const share = durationSeconds === undefined ? undefined : shareOf(seconds, durationSeconds);
      const text =
        inFile === undefined ? `${clock(seconds)} heard` : `${percent(share ?? 0)}${leftText(secondsLeft(inFile))}`;
      if (pending.length < 2) return { share, text, name };
      const inAll = later + (inFile ?? 0);
      const shareOfAll = shareOf(heard, heard + inAll);
      const all = `file ${Math.min(done + 1, pending.length)} of ${pending.length}, in all ${percent(shareOfAll)}`;
      return { share: shareOfAll, text: `${text} (${all}${leftText(secondsLeft(inAll))})`, name };
    },
    get position() {
      return file;
    },
  };
}

/** Seconds of audio in a byte, learnt by extension. */
function createDensity() {
  const known = new Map<string, { seconds: number; sizeBytes: number }>();
  const anyExtension = '*';
  const keyOf = (path: string) => extname(path).toLowerCase();
  return {
    learn({ path, sizeBytes }: Pending, seconds: number) {
      for (const key of [keyOf(path), anyExtension]) {
        const before = known.get(key) ?? { seconds: 0, sizeBytes: 0 };
        known.set(key, { seconds: before.seconds + seconds, sizeBytes: before.sizeBytes + sizeBytes });
      }
    },
    secondsOf({ path, sizeBytes }: Pending): number {
      const learnt = known.get(keyOf(path)) ?? known.get(anyExtension);
      const perByte = learnt === undefined || learnt.sizeBytes === 0 ? undefined : learnt.seconds / learnt.sizeBytes;
      return sizeBytes * (perByte ?? usualSecondsPerByte);
    },
  };
}

function shareOf(part: number, whole: number): number {
  return whole === 0 ? 0 : Math.min(1, part / whole);
}

function percent(share: number): string {
  return `${Math.floor(100 * share)} %`;
}

function leftText(seconds: number | undefined): string {
  return seconds === undefined ? '' : `, ${clock(seconds)} left`;
}

/** `[h:]m:ss` */
export function clock(seconds: number): string {
  const whole = Math.max(0, Math.round(seconds));
  const [hours, minutes] = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60];
  const rest = String(whole % 60).padStart(2, '0');
  return hours === 0 ? `${minutes}:${rest}` : `${hours}:${String(minutes).padStart(2, '0')}:${rest}`;
}
