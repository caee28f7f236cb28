import { type FormatName, formatNames } from '../../output/formats.ts';
import type { Kind } from '../kind.ts';

/** Formats of transcripts, in the order in which they are written; as a text with commas between them, or `all`. */
export const formatList: Kind<readonly FormatName[]> = {
  placeholder: 'names',
  expected: `all, or some of ${formatNames.join(', ')}`,
  isRepeatable: true,
  fromText: (text) => fromNames(text.split(',')),
  fromCode: (value) => (Array.isArray(value) ? fromNames(value) : undefined),
};

function fromNames(given: readonly unknown[]): readonly FormatName[] | undefined {
  const names = given.map((name) => (typeof name === 'string' ? name.trim().toLowerCase() : ''));
  const known: readonly string[] = ['all', ...formatNames];
  if (names.length === 0 || !names.every((name) => known.includes(name))) return undefined;
  return formatNames.filter((name) => names.includes('all') || names.includes(name));
}
