import type { CommandName, Door, LibraryCall, Option, OptionTable } from './option.ts';

/** The options of some tables that a door takes, by name. */
export function optionsOf(tables: readonly OptionTable[], door: Door): readonly [name: string, option: Option][] {
  return tables.flatMap((table) => Object.entries(table)).filter(([, { doors }]) => doors.includes(door));
}

/**
 * Which options `--help` of a command lists, and which only `--help-all` adds. A command that calls none of its options
 * common lists all of them.
 */
export function byUse(tables: readonly OptionTable[], command: CommandName) {
  const options = optionsOf(tables, command);
  const common = options.filter(([, { commonIn = [] }]) => commonIn.includes(command));
  if (common.length === 0) return { common: options, others: [] };
  return { common, others: options.filter((each) => !common.includes(each)) };
}

/** How help and documents put what an option is when it is not given; undefined where that goes without saying. */
export function shownDefault({ defaultText, default: value }: Option): string | undefined {
  return defaultText ?? (typeof value === 'boolean' || value === undefined ? undefined : String(value));
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

/** The name on a command line without dashes: `beam-size`. */
export function flagName(name: string, { flag }: Pick<Option, 'flag'>): string {
  return flag ?? name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
}

/** The name of a form's field: `beam_size`. */
export function formName(name: string, option: Option): string {
  return flagName(name, option).replaceAll('-', '_');
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
