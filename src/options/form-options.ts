import { UsageError } from '../errors.ts';
import { formName, optionsOf } from './names.ts';
import { nearestName } from './nearest.ts';
import type { Option } from './option.ts';
import { refusal } from './refusal.ts';
import { settled } from './relations.ts';
import { type FormOptions, optionTables } from './tables.ts';

/** A field that came with a recording. */
export interface FormField {
  /** As it was called there. */
  readonly name: string;
  readonly value: string;
  /** The option that it stands for, where that has another name. */
  readonly option?: string;
}

/**
 * Reads fields that came with a recording: options under their names with underscores (`beam_size`), or under those that the
 * library has for them (`beamSize`). Of several ways to say the same one may be used, once; fields of a list that are given several
 * times are one list.
 *
 * @param others names of fields that are read elsewhere, for those that are misspelt
 * @param warn told of options that have no effect
 * @throws UsageError ('OPTION_UNKNOWN', 'OPTION_SENSELESS') with the name of the field
 */
export function readFormFields(
  fields: readonly FormField[],
  others: readonly string[],
  warn: (message: string) => void,
): FormOptions {
  const options = optionsOf(optionTables, 'audio form');
  const byName = new Map(options.flatMap((entry) => [...namesOf(...entry)].map((name) => [name, entry] as const)));
  const values: Record<string, unknown> = {};
  for (const [name, option] of options) if (option.default !== undefined) values[name] = option.default;
  const said = new Map<string, { readonly name: string; readonly text: string }>();
  for (const field of fields) {
    const [name, option] =
      byName.get(field.option ?? field.name) ?? unknownField(field.name, [...byName.keys(), ...others]);
    const before = said.get(name);
    const isMore = option.kind.isRepeatable === true && before?.name === field.name;
    if (before !== undefined && !isMore) throw twice(field.name, before.name);
    const text = before === undefined ? field.value : `${before.text},${field.value}`;
    said.set(name, { name: field.name, text });
    const value = option.kind.fromText(text);
    if (value === undefined) throw refusal(field.name, option, text);
    values[name] = value;
  }
  const nameOf = (name: string, option: Option) => said.get(name)?.name ?? formName(name, option);
  return settled(values, { options, nameOf, warn }) as FormOptions;
}

function namesOf(name: string, option: Option): Set<string> {
  return new Set([formName(name, option), name]);
}

function twice(name: string, before: string): UsageError {
  const problem = name === before ? 'is given twice' : `cannot be combined with ${before}: they are the same`;
  return new UsageError('OPTION_SENSELESS', `${name} ${problem}`, { option: name });
}

function unknownField(wrong: string, known: readonly string[]): never {
  const nearest = nearestName(wrong, new Map(known.map((name) => [name, []])));
  const hint = nearest === undefined ? {} : { hint: `did you mean ${nearest}?` };
  throw new UsageError('OPTION_UNKNOWN', `there is no field ${wrong.slice(0, 60)}`, {
    ...hint,
    option: wrong.slice(0, 60),
  });
}
