import { UsageError } from '../errors.ts';
import type { Option } from './option.ts';

/** Longer values are cut: an error is one line. */
const longestShown = 60;

/** The error about a value that an option does not take, the same for all ways in but for the option's name there. */
export function refusal(name: string, { kind }: Option, value: unknown): UsageError {
  // Otherwise the string '5' would be refused in the words that ask for 5.
  const isRightAsText = typeof value === 'string' && kind.fromText(value) !== undefined;
  const given = kind.isSecret ? 'no such thing' : isRightAsText ? `the string '${value}'` : shown(value);
  return new UsageError('OPTION_SENSELESS', `${name} is ${given}: expected ${kind.expected}`, { option: name });
}

function shown(value: unknown): string {
  const text = asText(value);
  if (text === '') return 'empty';
  return text.length > longestShown ? `${text.slice(0, longestShown)}…` : text.replace(/\p{Cc}/gu, '�');
}

/** As a command line would say it, where it could. */
function asText(value: unknown): string {
  if (typeof value === 'string') return value.trim();
  if (typeof value === 'function') return 'a function';
  if (Array.isArray(value)) return value.map(asText).join(',');
  if (typeof value !== 'object' || value === null) return String(value);
  const { startSeconds, endSeconds } = value as { startSeconds?: unknown; endSeconds?: unknown };
  if (startSeconds !== undefined)
    return [startSeconds, endSeconds]
      .filter((time) => time !== undefined)
      .map(asText)
      .join();
  return 'an object';
}
