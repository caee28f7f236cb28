import { UsageError } from '../errors.ts';
import { alternatives } from './kinds/texts.ts';
import type { Condition, Option } from './option.ts';

/** Values of options by their names in the tables. */
export type Values = Readonly<Record<string, unknown>>;

/** A way in: the options it has, how it names them, and who is told of those without effect. */
export interface Entrance {
  readonly options: readonly (readonly [name: string, option: Option])[];
  nameOf(name: string, option: Option): string;
  warn(message: string): void;
}

/**
 * Looks at options together. Values must be those of their kinds, with the defaults of absent ones.
 *
 * @returns them without those that have no effect beside the others, which are warned of
 * @throws UsageError for those that cannot be combined
 */
export function settled(values: Values, entrance: Entrance): Values {
  const known = new Map(entrance.options);
  const nameOf = (name: string) => entrance.nameOf(name, known.get(name) as Option);
  const here = (conditions: readonly Condition[] = []) => conditions.filter(({ name }) => known.has(name));
  const said = (condition: Condition) => conditionText(condition, nameOf);
  const holds = ({ name, above, listing, except }: Condition) => {
    const value = values[name];
    if (above !== undefined) return exceeds(value, above);
    if (listing !== undefined) return lists(value, listing);
    return isSet(value, known.get(name)) && value !== except;
  };
  const result: Record<string, unknown> = { ...values };
  for (const [name, option] of entrance.options) {
    if (!isSet(values[name], option)) continue;
    checkTogether(name, option);
    const reason = withoutEffect(option);
    if (reason === undefined) continue;
    entrance.warn(`${nameOf(name)} has no effect ${reason}`);
    if (option.default === undefined) delete result[name];
    else result[name] = option.default;
  }
  return result;

  function checkTogether(name: string, option: Option): void {
    const because = option.because === undefined ? '' : `: ${option.because}`;
    const required = here(option.requires);
    if (required.length > 0 && !required.some(holds))
      throw senseless(nameOf(name), `needs ${alternatives(required.map(said))}${because}`);
    const conflict = here(option.conflicts).find(holds);
    if (conflict !== undefined) throw senseless(nameOf(name), `cannot be combined with ${said(conflict)}${because}`);
    const { behind } = option;
    if (behind !== undefined && !exceeds(values[name], Number(values[behind] ?? 0)))
      throw senseless(nameOf(name), `must lie behind ${nameOf(behind)}`);
  }

  function withoutEffect(option: Option): string | undefined {
    const needed = here(option.needs);
    if (needed.length > 0 && !needed.some(holds)) return `without ${alternatives(needed.map(said))}`;
    const overruling = here(option.overruledBy);
    if (overruling.length > 0 && overruling.every(holds)) return `with ${overruling.map(said).join(' and ')}`;
    return undefined;
  }
}

/**
 * A condition as sentences name it: `--beam-size above 1`.
 *
 * @public scripts/write-cli-docs.mjs writes it too
 */
export function conditionText({ name, above, listing }: Condition, nameOf: (name: string) => string): string {
  if (above !== undefined) return `${nameOf(name)} above ${above}`;
  return listing === undefined ? nameOf(name) : `${nameOf(name)} ${alternatives(listing)}`;
}

function senseless(option: string, problem: string): UsageError {
  return new UsageError('OPTION_SENSELESS', `${option} ${problem}`, { option });
}

/** Whether it says anything: no default does, nor what switches nothing on. */
function isSet(value: unknown, option: Option | undefined): boolean {
  if (value === undefined) return false;
  if (option?.default === undefined) return value !== false;
  return JSON.stringify(value) !== JSON.stringify(option.default);
}

function lists(value: unknown, items: readonly string[]): boolean {
  return Array.isArray(value) && items.some((item) => value.includes(item));
}

function exceeds(value: unknown, limit: number): boolean {
  if (Array.isArray(value)) return value.some((item) => exceeds(item, limit));
  return typeof value === 'number' && value > limit;
}
