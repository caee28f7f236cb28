import { extname } from 'node:path';
import type { Status } from '../../terminal.ts';

/** A file that is still to be done. */
export interface Pending {
  readonly path: string;
  /** 0 where nobody knows. */
  readonly sizeBytes: number;
}

/** Where a file of a batch stands. Times are seconds of audio. */
export interface FileProgress {
  /** What it is has been found out. */
  begin(name: string, durationSeconds: number | undefined): void;
  /** How much of it has been heard. */
  reach(seconds: number): void;
  /** It ends, heard as far as it was reached. */
  end(): void;
  /** How much of it has been heard; undefined before it has begun. */
  readonly position: Position | undefined;
}

interface Position {
  readonly name: string;
  readonly seconds: number;
}

/** Where a batch stands. */
export interface BatchProgress {
  /** The next file is taken up. */
  next(): FileProgress;
  /** What to show of it. */
  status(): Status;
}

/** A file that is being heard. */
interface Heard extends Position {
  readonly durationSeconds: number | undefined;
  seconds: number;
}

/** What a byte holds before any file has shown it: 16-bit samples at 16 kHz. */
const usualSecondsPerByte = 1 / 32_000;

/**
 * Follows a batch, of which one file or several are heard at a time. How long files are that have not been opened yet is told from
 * their sizes and from what files with the same extension held so far.
 *
 * @param pending all files to be done, in order
 * @param now in milliseconds
 */
export function followBatch(pending: readonly Pending[], now: () => number = () => performance.now()): BatchProgress {
  const density = createDensity();
  const hearing = new Set<Heard>();
  let taken = 0;
  let ended = 0;
  let heardBefore = 0;
  /** Without the time in which nothing was heard. */
  let workedMs = 0;
  let workingSinceMs = 0;

  const inAll = () => {
    const heard = [...hearing].reduce((sum, { seconds }) => sum + seconds, heardBefore);
    const elapsedMs = workedMs + (hearing.size > 0 ? now() - workingSinceMs : 0);
    const later = pending.slice(taken).reduce((sum, next) => sum + density.secondsOf(next), 0);
    const left = [...hearing].reduce((sum, file) => sum + (secondsLeftIn(file) ?? 0), later);
    const timeFor = (audioSeconds: number) => (heard === 0 ? undefined : ((audioSeconds / heard) * elapsedMs) / 1000);
    return { share: shareOf(heard, heard + left), left, timeFor };
  };
  return {
    next() {
      const own = pending[taken++];
      let file: Heard | undefined;
      return {
        begin(name, durationSeconds) {
          if (hearing.size === 0) workingSinceMs = now();
          file = { name, durationSeconds, seconds: 0 };
          hearing.add(file);
        },
        reach(seconds) {
          if (file !== undefined) file.seconds = seconds;
        },
        end() {
          ended++;
          if (file === undefined) return;
          if (own !== undefined && file.seconds > 0) density.learn(own, file.durationSeconds ?? file.seconds);
          heardBefore += file.seconds;
          hearing.delete(file);
          if (hearing.size === 0) workedMs += now() - workingSinceMs;
          file = undefined;
        },
        get position() {
          return file;
        },
      };
    },
    status() {
      const { share, left, timeFor } = inAll();
      const files = [...hearing];
      const [only] = files;
      const isMany = pending.length > 1;
      if (only === undefined) return { share: isMany ? share : undefined, text: 'nothing heard yet', name: '' };
      if (files.length > 1) {
        const text = `${ended} of ${pending.length} files done, in all ${percent(share)}${leftText(timeFor(left))}`;
        return { share, text, name: files.map((file) => `${file.name} ${placeIn(file)}`).join(', ') };
      }
      const leftInFile = secondsLeftIn(only);
      const text = `${placeIn(only)}${leftText(leftInFile === undefined ? undefined : timeFor(leftInFile))}`;
      if (!isMany) return { share: shareIn(only), text, name: only.name };
      const all = `file ${Math.min(ended + 1, pending.length)} of ${pending.length}, in all ${percent(share)}`;
      return { share, text: `${text} (${all}${leftText(timeFor(left))})`, name: only.name };
    },
  };
}

function secondsLeftIn({ durationSeconds, seconds }: Heard): number | undefined {
  return durationSeconds === undefined ? undefined : Math.max(0, durationSeconds - seconds);
}

function shareIn({ durationSeconds, seconds }: Heard): number | undefined {
  return durationSeconds === undefined ? undefined : shareOf(seconds, durationSeconds);
}

function placeIn(file: Heard): string {
  const share = shareIn(file);
  return share === undefined ? `${clock(file.seconds)} heard` : percent(share);
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
