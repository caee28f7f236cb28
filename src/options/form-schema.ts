import type { JsonSchema } from './json-schema.ts';
import { formName, optionsOf, shownDefault } from './names.ts';
import type { Option } from './option.ts';
import { optionTables } from './tables.ts';

/**
 * The fields of a form that give options, by name, as readFormFields() takes them.
 *
 * @param tables those to look through
 */
export function formSchema(
  tables: Parameters<typeof optionsOf>[0] = optionTables,
): Readonly<Record<string, JsonSchema>> {
  return Object.fromEntries(
    optionsOf(tables, 'audio form').map(([name, option]) => [formName(name, option), fieldSchema(option)]),
  );
}

/** What one option takes, and what it does. */
export function fieldSchema(option: Option): JsonSchema {
  const { kind, help, default: value } = option;
  const { choices, schema = choices === undefined ? { type: 'string' } : { type: 'string', enum: choices } } = kind;
  const isPlain = ['string', 'number', 'boolean'].includes(typeof value);
  const otherwise = isPlain ? undefined : shownDefault(option);
  const expected = kind.schema === undefined && choices === undefined ? ` Expected: ${kind.expected}.` : '';
  return {
    ...schema,
    description: `${help}${expected}${otherwise === undefined ? '' : ` Default: ${otherwise}.`}`,
    ...(isPlain ? { default: value } : {}),
  };
}
