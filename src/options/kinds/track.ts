import { parseLanguage } from '../../model/languages.ts';
import type { Kind } from '../kind.ts';
import { decimal, largestCount } from './numbers.ts';

/** A track of sound: its number, or Whisper's code of its language. */
export const track: Kind<number | string> = {
  placeholder: 'track',
  expected: 'the number of a track, from 1, or a language as code, locale or English name',
  fromText,
  fromCode: (value) => (typeof value === 'string' ? fromText(value) : fromNumber(value)),
};

function fromText(text: string): number | string | undefined {
  return fromNumber(decimal(text)) ?? parseLanguage(text);
}

function fromNumber(value: unknown): number | undefined {
  return typeof value === 'number' && Number.isInteger(value) && value >= 1 && value <= largestCount
    ? value
    : undefined;
}
