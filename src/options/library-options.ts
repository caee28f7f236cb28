import { UsageError } from '../errors.ts';
import { flagName, libraryName, optionsOf } from './names.ts';
import { nearestName } from './nearest.ts';
import type { AllValues, Defaults, LibraryCall, Option, OptionTable } from './option.ts';
import { refusal } from './refusal.ts';
import { settled } from './relations.ts';

/** What a call of the library is checked by. */
interface CheckedCall<Tables extends readonly OptionTable[], C extends LibraryCall> {
  readonly call: C;
  readonly tables: Tables;
}

/**
 * Checks what a program gives a call of the library. Undefined values are absent ones.
 *
 * @returns the values of the kinds, with every default in its place, without options that have no effect
 * @throws UsageError ('OPTION_UNKNOWN', 'OPTION_SENSELESS') for what it does not take
 */
export function checkedOptions<const Tables extends readonly OptionTable[], C extends LibraryCall>(
  { call, tables }: CheckedCall<Tables, C>,
  given: unknown,
  warn: (message: string) => void,
): AllValues<Tables, C> {
  const options = optionsOf(tables, call);
  const known = new Map(options);
  if (typeof given !== 'object' || given === null || Array.isArray(given))
    throw new UsageError('OPTION_SENSELESS', `the options of ${call} must be an object`);
  const values: Record<string, unknown> = { ...defaultsOf(tables, call) };
  for (const [name, value] of Object.entries(given)) {
    const option = known.get(name);
    if (option === undefined) throw unknownOption(call, name, options);
    if (value === undefined) continue;
    const taken = option.kind.fromCode(value);
    if (taken === undefined) throw refusal(libraryName(call, name), option, value);
    values[name] = taken;
  }
  const entrance = { options, nameOf: (name: string) => libraryName(call, name), warn };
  return settled(values, entrance) as AllValues<Tables, C>;
}

/** What the options of a call are that are not given. */
export function defaultsOf<const Tables extends readonly OptionTable[], C extends LibraryCall>(
  tables: Tables,
  call: C,
): Defaults<Tables, C> {
  const withDefault = optionsOf(tables, call).filter(([, option]) => option.default !== undefined);
  return Object.fromEntries(withDefault.map(([name, option]) => [name, option.default])) as Defaults<Tables, C>;
}

function unknownOption(call: LibraryCall, wrong: string, options: readonly (readonly [string, Option])[]): UsageError {
  const candidates = new Map(options.map(([name, option]) => [name, [flagName(name, option)]]));
  const nearest = nearestName(wrong, candidates);
  const hint = nearest === undefined ? `it takes ${[...candidates.keys()].join(', ')}` : `did you mean ${nearest}?`;
  return new UsageError('OPTION_UNKNOWN', `${call} takes no option ${wrong}`, { hint });
}
