import type { Door, LibraryCall, Option, OptionTable } from './option.ts';

/** The options of some tables that a door takes, by name. */
export function optionsOf(tables: readonly OptionTable[], door: Door): readonly [name: string, option: Option][] {
  return tables.flatMap((table) => Object.entries(table)).filter(([, { doors }]) => doors.includes(door));
}

/** The values of those options of one way in that another one takes too. */
export function passedOn(
  values: Readonly<Record<string, unknown>>,
  tables: readonly OptionTable[],
  from: Door,
  to: Door,
): Readonly<Record<string, unknown>> {
  const both = optionsOf(tables, from).filter(([, { doors }]) => doors.includes(to));
  return Object.fromEntries(both.flatMap(([name]) => (values[name] === undefined ? [] : [[name, values[name]]])));
}

/** The name on a command line without dashes: `beam-size`. Fields of forms have underscores where it has hyphens. */
export function flagName(name: string, { flag }: Pick<Option, 'flag'>): string {
  return flag ?? name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
}

/** How a command names an option in what it says: `--beam-size`. */
export function commandName(name: string, option: Option): string {
  return `--${option.default === true ? 'no-' : ''}${flagName(name, option)}`;
}

const nested: Partial<Record<LibraryCall, string>> = { 'speech.options': 'speech.options.' };

/** How a call of the library names an option in what it says: `beamSize`. */
export function libraryName(call: LibraryCall, name: string): string {
  return `${nested[call] ?? ''}${name}`;
}
