import type { Kind } from '../kind.ts';

/** A function that is told something. */
export const callback = codeOnly(
  'a function',
  (value): value is (...told: never[]) => unknown => typeof value === 'function',
);

export const abortSignal = codeOnly('an AbortSignal', (value): value is AbortSignal => value instanceof AbortSignal);

/** An object that means something to the program alone, such as a stream or a loaded model. */
export const instance = codeOnly(
  'an object',
  (value): value is object => typeof value === 'object' && value !== null && !Array.isArray(value),
);

/** What no text can say. */
function codeOnly<Value>(expected: string, isOne: (value: unknown) => value is Value): Kind<Value> {
  return { expected, fromText: () => undefined, fromCode: (value) => (isOne(value) ? value : undefined) };
}
