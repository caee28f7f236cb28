import { type Command, Option as Flag } from 'commander';
import { commandName, flagName, optionsOf } from '../options/names.ts';
import type { CommandName, Option } from '../options/option.ts';
import { refusal } from '../options/refusal.ts';
import { settled, type Values } from '../options/relations.ts';
import { type CommandOptions, optionTables } from '../options/tables.ts';
import { type Session, sessionTerminal } from './session.ts';
import type { Terminal } from './terminal.ts';

/** Gives a command the options that are described for it. Their texts stay as they are until readOptions(). */
export function addOptions(command: Command, name: CommandName): Command {
  for (const [optionName, option] of optionsOf(optionTables, name))
    for (const flag of flagsOf(optionName, option)) command.addOption(flag);
  return command;
}

function flagsOf(name: string, option: Option): Flag[] {
  const { kind, short, env, group, help, offHelp } = option;
  const dashed = `${short === undefined ? '' : `-${short}, `}--${flagName(name, option)}`;
  const flag = (flags: string, text: string) => new Flag(flags, text).helpGroup(`${group}:`);
  const off = offHelp === undefined ? [] : [flag(`--no-${flagName(name, option)}`, offHelp)];
  if (kind.placeholder === undefined)
    return option.default === true ? off : [flag(dashed, withDefault(help, option)), ...off];
  const valued = flag(`${dashed} <${kind.placeholder}>`, withDefault(help, option));
  if (env !== undefined) valued.env(env);
  if (kind.choices !== undefined) valued.argChoices = [...kind.choices];
  // Given several times, it is one list.
  if (kind.isRepeatable)
    valued.argParser((text, before: unknown) => (typeof before === 'string' ? `${before},${text}` : text));
  return [valued];
}

function withDefault(help: string, { defaultText, default: value }: Option): string {
  const text = defaultText ?? (typeof value === 'boolean' || value === undefined ? undefined : String(value));
  return text === undefined ? help : `${help} (default: ${text})`;
}

/** What a command is asked for, and where it says what it has to say. */
export interface CommandInput<C extends CommandName> {
  readonly options: CommandOptions<C>;
  readonly terminal: Terminal;
}

/**
 * Reads what was given to a command, defaults included. Warns of options that have no effect.
 *
 * @throws UsageError for values that an option does not take, and for options that cannot be combined
 */
export function readOptions<C extends CommandName>(command: Command, name: C, session: Session): CommandInput<C> {
  const options = optionsOf(optionTables, name);
  const values: Record<string, unknown> = {};
  for (const [optionName, option] of options) {
    const value = givenValue(command, optionName, option);
    if (value !== undefined) values[optionName] = value;
  }
  const terminal = sessionTerminal(session, values);
  const effective: Values = settled(values, { options, nameOf: commandName, warn: terminal.warn });
  return { options: effective as CommandOptions<C>, terminal };
}

/** @returns undefined for what is neither given nor has a default */
function givenValue(command: Command, name: string, option: Option): unknown {
  const flag = `--${flagName(name, option)}`;
  const known = command.options.find(({ long }) => long === flag || long === `--no-${flag.slice(2)}`);
  if (known === undefined) return undefined;
  const attribute = known.attributeName();
  // A command above takes the options that it has too, wherever they stand.
  const raw: unknown = command.optsWithGlobals()[attribute];
  const source = command.getOptionValueSourceWithGlobals(attribute);
  if (raw === undefined || source === 'default') return option.default;
  if (typeof raw !== 'string') return raw;
  const value = option.kind.fromText(raw);
  if (value !== undefined) return value;
  throw refusal(source === 'env' && option.env !== undefined ? option.env : flag, option, raw);
}
