import { InvalidArgumentError } from 'commander';
import { maxSampleRate, minSampleRate } from '../audio/formats/pcm.ts';
import { type DeviceChoice, parseDevice } from '../backend/device-choice.ts';
import { parseLanguage } from '../model/languages.ts';
import { type FormatName, formatNames } from '../output/formats.ts';
import type { Clip } from '../transcribe/options.ts';

export function positiveInteger(text: string): number {
  return integer(text, 1, 1024);
}

export function rawRate(text: string): number {
  return integer(text, minSampleRate, maxSampleRate);
}

export function rawChannels(text: string): number {
  return integer(text, 1, 256);
}

function integer(text: string, min: number, max: number): number {
  const value = Number(text);
  if (Number.isInteger(value) && value >= min && value <= max) return value;
  throw new InvalidArgumentError(`Expected a whole number from ${min} to ${max}.`);
}

/** A place in a recording, in seconds: 83.5, 1:23.5 and 0:01:23.5 are the same. */
export function time(text: string): number {
  if (!/^(\d+:){0,2}\d+(\.\d*)?$/.test(text)) throw new InvalidArgumentError('Expected seconds, m:s or h:m:s.');
  return text.split(':').reduce((sum, part) => sum * 60 + Number(part), 0);
}

export function formatList(text: string, before: readonly FormatName[] = []): readonly FormatName[] {
  const names = new Set<string>([...before, ...text.split(',').map((name) => name.trim().toLowerCase())]);
  const unknown = [...names].find((name) => name !== 'all' && !(formatNames as readonly string[]).includes(name));
  if (unknown !== undefined) throw new InvalidArgumentError(`Expected all, or some of ${formatNames.join(', ')}.`);
  return formatNames.filter((name) => names.has('all') || names.has(name));
}

export function language(text: string): string {
  if (text === 'auto') return text;
  const code = parseLanguage(text);
  if (code === undefined) throw new InvalidArgumentError('Expected auto, or a language as code or English name.');
  return code;
}

export function device(text: string): DeviceChoice {
  try {
    return parseDevice(text);
  } catch {
    throw new InvalidArgumentError('Expected auto, cpu, npu or npu:N.');
  }
}

/** A number between two others, ends included. */
export function numberBetween(min: number, max: number): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (text.trim() !== '' && value >= min && value <= max) return value;
    throw new InvalidArgumentError(`Expected a number from ${min} to ${max}.`);
  };
}

export function wholeNumber(text: string): number {
  return integer(text, 0, 2 ** 31 - 1);
}

export function tokenList(text: string): number[] {
  const tokens = text.split(',').map((part) => (part.trim() === '' ? Number.NaN : Number(part)));
  if (tokens.every((token) => Number.isInteger(token) && token >= 0)) return tokens;
  throw new InvalidArgumentError('Expected token numbers with commas between them.');
}

/** start,end,start,end …: the last end may be missing. */
export function clipList(text: string): Clip[] {
  const times = text.split(',').map(time);
  const clips = times.flatMap((startSeconds, i) => {
    if (i % 2 === 1) return [];
    const endSeconds = times[i + 1];
    return [endSeconds === undefined ? { startSeconds } : { startSeconds, endSeconds }];
  });
  for (const [i, { startSeconds, endSeconds = Number.POSITIVE_INFINITY }] of clips.entries()) {
    const before = clips[i - 1]?.endSeconds ?? 0;
    if (startSeconds < before || endSeconds <= startSeconds)
      throw new InvalidArgumentError('Expected start,end,start,end … in the order of the recording.');
  }
  return clips;
}

/** A chip's name goes into a folder's name and into commands. */
export function socName(text: string): string {
  if (/^Ascend\w+$/.test(text)) return text;
  throw new InvalidArgumentError('Expected the name of a chip, as Ascend910B4.');
}

export function folderName(text: string): string {
  if (text.trim() !== '') return text;
  throw new InvalidArgumentError('Expected a folder.');
}
