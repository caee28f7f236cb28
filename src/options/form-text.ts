import { formName, optionsOf } from './names.ts';
import type { Option } from './option.ts';
import { optionTables } from './tables.ts';

/**
 * What a command line asks of a recording, as fields of a form that a server reads. Options that a form does not have are left
 * out, and so is what a server does if nothing is said.
 *
 * @param values checked ones, by their names in the tables
 */
export function formFields(values: Readonly<Record<string, unknown>>): [name: string, value: string][] {
  return saidInForm(values).map(([name, option, value]) => [formName(name, option), fieldText(value)]);
}

/** The same as values, by their names in the tables. */
export function saidInForm(
  values: Readonly<Record<string, unknown>>,
): (readonly [name: string, option: Option, value: unknown])[] {
  return optionsOf(optionTables, 'audio form').flatMap(([name, option]) => {
    const value = values[name];
    if (value === undefined || JSON.stringify(value) === JSON.stringify(option.default)) return [];
    return [[name, option, value] as const];
  });
}

/** A value as its kind reads it from a text. */
function fieldText(value: unknown): string {
  if (Array.isArray(value)) return value.map(fieldText).join(',');
  if (typeof value !== 'object' || value === null) return String(value);
  const { startSeconds, endSeconds } = value as { startSeconds: number; endSeconds?: number };
  return [startSeconds, endSeconds].filter((seconds) => seconds !== undefined).join(',');
}
