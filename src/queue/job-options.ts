import { JobError } from '../errors.ts';
import { saidInForm } from '../options/form-text.ts';
import { formName, optionsOf } from '../options/names.ts';
import { settled } from '../options/relations.ts';
import { type CommandOptions, type FormOptions, optionTables } from '../options/tables.ts';

const options = optionsOf(optionTables, 'audio form');

/** What a job says of how it is transcribed: what a form with the recording would say, without what goes without saying. */
export function wishesOf(asked: CommandOptions<'queue add'> | FormOptions): Readonly<Record<string, unknown>> {
  return Object.fromEntries(saidInForm(asked).map(([name, , value]) => [name, value]));
}

/**
 * The options of a job, checked as those of every other way in: it may have been added by another version.
 *
 * @throws JobError ('JOB_NOT_UNDERSTOOD')
 */
export function readWishes(wishes: Readonly<Record<string, unknown>>, warn: (message: string) => void): FormOptions {
  const known = new Map(options);
  const values: Record<string, unknown> = {};
  for (const [name, option] of options) if (option.default !== undefined) values[name] = option.default;
  for (const [name, given] of Object.entries(wishes)) {
    const value = known.get(name)?.kind.fromCode(given);
    if (value === undefined)
      throw new JobError('JOB_NOT_UNDERSTOOD', `the job asks for ${name} in a way that this version does not know`, {
        hint: 'run workers of the version that added it, or cancel it and add it again',
      });
    values[name] = value;
  }
  return settled(values, { options, nameOf: formName, warn }) as FormOptions;
}
