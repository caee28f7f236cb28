import { parseLanguage } from '../../model/languages.ts';
import type { Kind } from '../kind.ts';

/** Whisper's code of a language, or `auto`. */
export const language: Kind<string> = {
  placeholder: 'code',
  expected: 'auto, or a language as code, locale or English name',
  fromText: read,
  fromCode: (value) => (typeof value === 'string' ? read(value) : undefined),
};

function read(text: string): string | undefined {
  return text.trim().toLowerCase() === 'auto' ? 'auto' : parseLanguage(text);
}

/** The code of the language that is known to be spoken; undefined where it is to be detected. */
export function knownLanguage(value: string | undefined): string | undefined {
  return value === 'auto' ? undefined : value;
}
