import type { Kind } from '../kind.ts';
import { decimal } from './numbers.ts';

/** A stretch of a recording, in seconds from its start. */
export interface Clip {
  readonly startSeconds: number;
  /** Its end by default. */
  readonly endSeconds?: number;
}

/** Eleven years: what comes later is no place in a recording. */
const latestSeconds = 100_000 * 3600;

/** A place in a recording, in seconds; as a text 83.5, 1:23.5 and 0:01:23.5 are the same. */
export const time: Kind<number> = {
  placeholder: 'time',
  expected: 'seconds, m:s or h:m:s',
  fromText: (text) => fromNumber(seconds(text)),
  fromCode: fromNumber,
};

function seconds(text: string): number {
  if (!text.includes(':')) return decimal(text);
  if (!/^(\d+:){1,2}\d+(\.\d*)?$/.test(text)) return Number.NaN;
  return text.split(':').reduce((sum, part) => sum * 60 + Number(part), 0);
}

function fromNumber(value: unknown): number | undefined {
  if (typeof value !== 'number' || !(value >= 0 && value <= latestSeconds)) return undefined;
  return value === 0 ? 0 : value; // -0 is 0
}

/** Stretches in the order of the recording, one at least; as a text start,end,start,end …, where the last end may be missing. */
export const clips: Kind<readonly Clip[]> = {
  placeholder: 'list',
  expected: 'start,end,start,end … in the order of the recording',
  fromText: (text) => {
    const times = text.split(',').map((part) => time.fromText(part));
    const pairs = times.flatMap((startSeconds, i) => {
      if (i % 2 === 1) return [];
      return [i + 1 < times.length ? { startSeconds, endSeconds: times[i + 1] ?? Number.NaN } : { startSeconds }];
    });
    return inOrder(pairs);
  },
  fromCode: (value) => (Array.isArray(value) ? inOrder(value) : undefined),
};

function inOrder(values: readonly unknown[]): readonly Clip[] | undefined {
  let before = 0;
  const found: Clip[] = [];
  for (const value of values) {
    const clip = oneClip(value);
    if (clip === undefined || clip.startSeconds < before) return undefined;
    found.push(clip);
    before = clip.endSeconds ?? Number.POSITIVE_INFINITY;
  }
  return found.length === 0 ? undefined : found;
}

function oneClip(value: unknown): Clip | undefined {
  if (typeof value !== 'object' || value === null) return undefined;
  const { startSeconds, endSeconds, ...others } = value as Record<string, unknown>;
  const start = fromNumber(startSeconds);
  if (start === undefined || Object.keys(others).length > 0) return undefined;
  if (endSeconds === undefined) return { startSeconds: start };
  const end = fromNumber(endSeconds);
  return end !== undefined && end > start ? { startSeconds: start, endSeconds: end } : undefined;
}
