/**
 * Writes docs/cli.md from the description of the options (src/options/) and of the commands (src/cli/).
 *
 *   npm run build && node scripts/write-cli-docs.mjs [--check]
 *
 * With --check it writes nothing and ends with 1 if the page is not what it would write.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { exitCode, exitMeanings } from '../dist/cli/exit-codes.js';
import { createProgram } from '../dist/cli/program.js';
import { byUse, commandName, flagName, optionsOf, shownDefault } from '../dist/options/names.js';
import { conditionText } from '../dist/options/relations.js';
import { optionTables } from '../dist/options/tables.js';

const page = new URL('../docs/cli.md', import.meta.url);

const environment = {
  WHISPER_NPU_HOME: 'The folder that models are kept in. Without it: `whisper-npu` in `XDG_CACHE_HOME` or `~/.cache`.',
  WHISPER_NPU_MODEL: 'The model to use where `--model` is not given.',
  WHISPER_NPU_DEVICE: 'The device to use where `--device` is not given.',
  WHISPER_NPU_API_KEY:
    'The key that `serve` asks for, and that `transcribe --server` sends, where `--api-key` is not given.',
  WHISPER_NPU_QUEUE: 'The server of jobs to use where `--queue` is not given.',
  WHISPER_NPU_SERVER: 'The server that does the work of `transcribe` where `--server` is not given.',
  WHISPER_NPU_FFMPEG: 'The ffmpeg to use. Without it: the one on the `PATH`.',
  WHISPER_NPU_ATC: 'The `atc` to convert with. Without it: the one on the `PATH`, then the one in `ASCEND_HOME_PATH`.',
  WHISPER_NPU_ACL_LIBRARY:
    'The `libascendcl.so` to load. Without it: the one on the loader’s path, then those in CANN’s folders.',
  WHISPER_NPU_CPU_LEVEL: 'The instruction set that the CPU engine uses where `--cpu-level` is not given.',
  HF_ENDPOINT: 'The address of the Hugging Face hub or of a mirror. Without it: https://huggingface.co.',
  HF_TOKEN: 'The token for the hub. It is sent to the hub and to no other service.',
  'HF_HOME, HF_HUB_CACHE': 'Where Hugging Face’s own cache lies; models in it are not fetched again.',
  HF_HUB_OFFLINE: 'Set to 1, nothing is fetched, as with `--offline`.',
  NO_COLOR: 'Set to anything, nothing is coloured.',
};

/** Text within a cell of a table. */
function cell(text) {
  return text.replaceAll('|', '\\|').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
}

function table(head, rows) {
  const line = (cells) => `| ${cells.join(' | ')} |`;
  return [line(head), line(head.map(() => '---')), ...rows.map(line)].join('\n');
}

/** The flags of an option, each with what it does. */
function forms(name, option) {
  const { kind, short, help, offHelp, default: value } = option;
  const flag = flagName(name, option);
  const on = `${short === undefined ? '' : `-${short}, `}--${flag}`;
  if (kind.placeholder !== undefined) return [[`${on} <${kind.placeholder}>`, help]];
  const off = offHelp === undefined ? [] : [[`--no-${flag}`, offHelp]];
  return value === true ? off : [[on, help], ...off];
}

function sentence(conditions, join, nameOf, known) {
  const texts = conditions.filter(({ name }) => known.has(name)).map((each) => `\`${conditionText(each, nameOf)}\``);
  return texts.length === 0 ? undefined : texts.join(join);
}

/** How an option stands to the others of its command, in sentences. */
function relations({ requires = [], needs = [], overruledBy = [], conflicts = [], behind }, known) {
  const nameOf = (name) => commandName(name, known.get(name));
  const required = sentence(requires, ' or ', nameOf, known);
  const needed = sentence(needs, ' or ', nameOf, known);
  const overruling = sentence(overruledBy, ' and ', nameOf, known);
  const conflicting = sentence(conflicts, ', ', nameOf, known);
  return [
    required && `Needs ${required}.`,
    needed && `Has no effect without ${needed}.`,
    overruling && `Has no effect with ${overruling}.`,
    conflicting && `Cannot be combined with ${conflicting}.`,
    behind && `Must be greater than \`${nameOf(behind)}\`.`,
  ].filter((text) => text !== undefined);
}

function values({ kind }) {
  if (kind.placeholder === undefined) return '';
  return kind.choices === undefined ? cell(kind.expected) : kind.choices.map((name) => `\`${name}\``).join(', ');
}

function optionRows(options, known) {
  return options.flatMap(([name, option]) =>
    forms(name, option).map(([flag, help], i) => {
      const variable = option.env === undefined ? [] : [`The variable \`${option.env}\` stands for it.`];
      const notes = i === 0 ? [...relations(option, known), ...variable] : [];
      const byDefault = i === 0 ? shownDefault(option) : undefined;
      return [
        `\`${flag}\``,
        [cell(help), ...notes].join(' '),
        values(option),
        byDefault === undefined ? '' : cell(byDefault),
      ];
    }),
  );
}

function optionSections(name) {
  const { common, others } = byUse(optionTables, name);
  const known = new Map(optionsOf(optionTables, name));
  const head = ['option', 'what it does', 'values', 'default'];
  const section = (title, options) => `**${title}**\n\n${table(head, optionRows(options, known))}`;
  if (others.length === 0) return common.length === 0 ? [] : [table(head, optionRows(common, known))];
  return [
    section('Common options', common),
    ...[...byGroup(others)].map(([group, options]) => section(group, options)),
  ];
}

function byGroup(options) {
  const groups = new Map();
  for (const each of options) groups.set(each[1].group, [...(groups.get(each[1].group) ?? []), each]);
  return groups;
}

/** What a command's help says behind its options. */
function examples(command, name) {
  let text = '';
  command.configureOutput({ writeOut: (more) => (text += more) }).outputHelp();
  const [, found] = /\nExamples:\n([\s\S]*)$/.exec(text) ?? [];
  return found === undefined
    ? []
    : [`\`\`\`sh${name === 'serve' ? ' server' : ''}\n${found.trimEnd().replace(/^ {2}\$ /gm, '')}\n\`\`\``];
}

function commandSection(command, name) {
  const usage = `whisper-npu ${name} ${command.usage()}`.replace(' [command]', '');
  const args = command.registeredArguments.map((argument) => [`\`${argument.name()}\``, cell(argument.description)]);
  return [
    `## ${name}`,
    `\`${usage}\``,
    command.description(),
    ...(args.length === 0 ? [] : [table(['argument', 'what it is'], args)]),
    ...optionSections(name),
    ...examples(command, name),
  ];
}

function commandsBelow(command, path = []) {
  return command.commands.flatMap((each) => {
    const here = [...path, each.name()];
    const below = commandsBelow(each, here);
    const isItself = each.commands.length === 0 || optionsOf(optionTables, here.join(' ')).length > 0;
    return [...(isItself ? [[each, here.join(' ')]] : []), ...below];
  });
}

const commands = commandsBelow(createProgram({}));
const link = (name) => `[${name}](#${name.replaceAll(' ', '-')})`;
const exits = Object.entries(exitMeanings).map(([kind, meaning]) => [String(exitCode[kind]), meaning]);
const text = `${[
  '<!-- Written by scripts/write-cli-docs.mjs from src/options/ and src/cli/: change these, then run the script. -->',
  '# The command line',
  'Results go to stdout, everything else goes to stderr. `whisper-npu COMMAND --help` lists the common options of a command and `--help-all` lists all of them.',
  `Commands: ${commands.map(([, name]) => link(name)).join(' · ')}. See also: [exit codes](#exit-codes), [environment variables](#environment-variables), and [what each error means](troubleshooting.md).`,
  ...commands.flatMap(([command, name]) => commandSection(command, name)),
  '## Exit codes',
  table(['code', 'meaning'], exits),
  '## Environment variables',
  table(
    ['variable', 'what it does'],
    Object.entries(environment).map(([name, what]) => [
      name
        .split(', ')
        .map((each) => `\`${each}\``)
        .join(', '),
      what,
    ]),
  ),
].join('\n\n')}\n`;

if (process.argv.includes('--check')) {
  if (readFileSync(page, 'utf8') !== text) {
    console.error('docs/cli.md is not current: run `npm run build && node scripts/write-cli-docs.mjs`');
    process.exitCode = 1;
  }
} else writeFileSync(page, text);
