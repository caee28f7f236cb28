import { type Command, Option as Flag } from 'commander';
import { byUse, commandName, flagName, optionsOf, shownDefault } from '../options/names.ts';
import type { CommandName, Option } from '../options/option.ts';
import { refusal } from '../options/refusal.ts';
import { settled, type Values } from '../options/relations.ts';
import { type CommandOptions, optionTables } from '../options/tables.ts';
import { type Session, sessionTerminal } from './session.ts';
import type { Terminal } from './terminal.ts';

/**
 * Gives a command the options that are described for it. Their texts stay as they are until readOptions(). Where some of
 * them are common, `--help` lists these alone and `--help-all` lists all, the common ones first.
 */
export function addOptions(command: Command, name: CommandName): Command {
  const { common, others } = byUse(optionTables, name);
  const commonFlags = common.flatMap(([optionName, option]) => flagsOf(optionName, option));
  const otherFlags = others.flatMap(([optionName, option]) =>
    flagsOf(optionName, option).map((flag) => flag.hideHelp()),
  );
  if (others.length > 0) for (const flag of commonFlags) flag.helpGroup('Common options:');
  for (const flag of [...commonFlags, ...otherFlags]) command.addOption(flag);
  if (others.length > 0) addHelpAll(command, otherFlags, common.length + others.length);
  return command;
}

function addHelpAll(command: Command, hidden: readonly Flag[], count: number): void {
  command.addOption(new Flag('--help-all', `display all ${count} options`));
  command.on('option:help-all', () => {
    for (const flag of hidden) flag.hideHelp(false);
    command.help();
  });
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

function withDefault(help: string, option: Option): string {
  const text = shownDefault(option);
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
