import { Command } from 'commander';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { addOptions, readOptions } from '../../src/cli/command-options.ts';
import type { Session } from '../../src/cli/session.ts';
import { UsageError } from '../../src/errors.ts';
import { checkedOptions } from '../../src/options/library-options.ts';
import { commandName, flagName, libraryName, optionsOf } from '../../src/options/names.ts';
import type { CommandName, Door, LibraryCall, Option } from '../../src/options/option.ts';
import { optionTables } from '../../src/options/tables.ts';

const commands: readonly CommandName[] = [
  'transcribe',
  'bench',
  'bench compare',
  'accuracy',
  'serve',
  'queue add',
  'queue status',
  'queue results',
  'queue cancel',
  'queue retry',
  'worker',
  'convert',
  'pull',
  'models list',
  'doctor',
];
const calls: readonly LibraryCall[] = [
  'loadModel()',
  'openPool()',
  'pool.transcribe()',
  'openRecording()',
  'transcribe()',
  'speech.options',
  'formats',
];

const session = { env: {}, stderr: { write: () => true } } as unknown as Session;

/** Parses a command line as the program does. */
function fromCommandLine(name: CommandName, args: readonly string[]): Readonly<Record<string, unknown>> {
  const command = addOptions(new Command('x'), name)
    .exitOverride()
    .configureOutput({ writeErr: () => undefined });
  command.action(() => undefined).parse(args, { from: 'user' });
  return readOptions(command, name, session).options;
}

/** As a command line says a value. */
function asText(value: unknown): string {
  if (Array.isArray(value)) return value.map(asText).join(',');
  if (typeof value !== 'object' || value === null) return String(value);
  const { startSeconds, endSeconds } = value as { startSeconds: number; endSeconds?: number };
  return endSeconds === undefined ? asText(startSeconds) : `${asText(startSeconds)},${asText(endSeconds)}`;
}

const numbers = fc.oneof(
  fc.integer({ min: -3, max: 70 }),
  fc.double({ min: -2, max: 2 }),
  fc.double(),
  fc.integer(),
  fc.constantFrom(Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, -0, 1024, 1025, 384_000, 384_001),
);
const words = fc.constantFrom(
  'auto',
  'EN',
  'en-US',
  'zh_CN',
  'zh-Hant',
  'German',
  'cpu',
  'npu:3',
  'NPU',
  'foo',
  '',
  'left',
);
const closed = fc.record({
  startSeconds: fc.integer({ min: -1, max: 60 }),
  endSeconds: fc.integer({ min: -1, max: 90 }),
});
const open = fc.record({ startSeconds: fc.integer({ min: 0, max: 60 }) });
// A text can leave out the last end only.
const clips = fc
  .tuple(fc.array(closed, { maxLength: 2 }), fc.array(open, { maxLength: 1 }))
  .map(([first, last]) => [...first, ...last]);

/** Values that may or may not be right for an option; each can be said in a text. */
function candidates({ kind }: Option): fc.Arbitrary<unknown> {
  const choices = kind.choices === undefined ? [] : [fc.constantFrom(...kind.choices)];
  if (kind.placeholder === undefined) return fc.boolean();
  if (kind.expected.includes('list')) return fc.array(numbers, { maxLength: 4 });
  if (kind.expected.startsWith('start,end')) return clips;
  if (kind.expected.includes('number') || kind.expected.includes('seconds')) return numbers;
  return fc.oneof(
    words,
    fc.string({ maxLength: 8 }).filter((text) => !text.startsWith('-')),
    ...choices,
  );
}

/** What has to stand beside an option for it to be taken and to have an effect. */
const company: Readonly<Record<string, unknown>> = {
  beamSize: 2,
  format: ['srt'],
  vad: true,
  initialPrompt: 'a prompt',
  inputFormat: 'u8',
  maxLineWidth: 40,
  outputDir: 'out',
  speech: { model: {} },
  temperature: 1,
  temperatures: [0, 1],
  wordTimestamps: true,
};

function companyOf({ requires = [], needs = [] }: Option, door: Door): Record<string, unknown> {
  const here = new Map(optionsOf(optionTables, door));
  const chosen = [requires, needs].flatMap((conditions) => conditions.find(({ name }) => here.has(name)) ?? []);
  const own = chosen.map(({ name }) => ({ ...companyOf(here.get(name) as Option, door), [name]: company[name] }));
  return Object.assign({}, ...own);
}

function asArguments(values: Readonly<Record<string, unknown>>, door: Door): string[] {
  return optionsOf(optionTables, door).flatMap(([name, option]) => {
    const value = values[name];
    if (value === undefined) return [];
    if (typeof value !== 'boolean') return [`--${flagName(name, option)}=${asText(value)}`];
    return value === (option.default ?? false) ? [] : [commandName(name, option)];
  });
}

type Verdict = { readonly value: unknown } | { readonly error: string };

function verdictOf(read: () => unknown, door: CommandName | LibraryCall): Verdict {
  try {
    return { value: read() };
  } catch (error) {
    if (!(error instanceof UsageError)) throw error;
    const names = optionsOf(optionTables, door)
      .flatMap(([name, option]) => [
        [commandName(name, option), name],
        [libraryName('speech.options', name), name],
      ])
      .sort(([a = ''], [b = '']) => b.length - a.length);
    const message = names.reduce((text, [said = '', name = '']) => text.replaceAll(said, name), error.message);
    expect(message).not.toContain('\n');
    return { error: `${error.code} ${message}` };
  }
}

const shared = commands.flatMap((command) =>
  optionsOf(optionTables, command).flatMap(([name, option]) =>
    calls.filter((call) => option.doors.includes(call)).map((call) => ({ name, option, command, call })),
  ),
);

test.each(shared)('$name: $command and $call give one verdict, and one value, on anything', (each) => {
  const { name, option, command, call } = each;
  fc.assert(
    fc.property(candidates(option), (value) => {
      const said = verdictOf(() => {
        const args = asArguments({ ...companyOf(option, command), [name]: value }, command);
        return fromCommandLine(command, args)[name];
      }, command);
      const given = verdictOf(() => {
        const values: Record<string, unknown> = { ...companyOf(option, call), [name]: value };
        return (checkedOptions({ call, tables: optionTables }, values, fail) as Record<string, unknown>)[name];
      }, call);
      // A flag that is not there and false are the same.
      if (value === false && option.default === undefined) expect(given).toEqual({ value: false });
      else expect(said).toEqual(given);
    }),
    { numRuns: 60 },
  );
});

function fail(message: string): never {
  throw new Error(message);
}

const everyOption = optionTables.flatMap((table) => Object.entries(table)).map(([name, option]) => ({ name, option }));

test.each(everyOption)('$name: what is taken is taken again as it is', ({ option }) => {
  const { kind } = option as Option;
  fc.assert(
    fc.property(candidates(option), (value) => {
      const taken = kind.fromCode(value);
      const again = typeof taken === 'object' && taken !== null && 'kind' in taken ? taken : kind.fromCode(taken);
      expect(again).toEqual(taken);
    }),
  );
});

describe('descriptions', () => {
  test.each([...commands, ...calls, 'audio form'] as const)('%s has each name and each flag once', (door) => {
    const options = optionsOf(optionTables, door);
    expect(options.length).toBeGreaterThan(0);
    for (const names of [
      options.map(([name]) => name),
      options.map(([name, option]) => flagName(name, option)),
      options.flatMap(([, { short }]) => short ?? []),
    ])
      expect(new Set(names).size).toBe(names.length);
  });

  test.each(everyOption)(
    '$name is explained in full sentences, its default is one of its values, and who it names is there',
    ({ name, option }) => {
      const {
        help,
        kind,
        default: value,
        requires = [],
        needs = [],
        overruledBy = [],
        conflicts = [],
        behind,
      } = option as Option;
      expect(help).toMatch(/^[A-Z`].*\.$/);
      if (value !== undefined && name !== 'device') expect(kind.fromCode(value)).toEqual(value);
      const known = everyOption.map((other) => other.name);
      for (const condition of [...requires, ...needs, ...overruledBy, ...conflicts])
        expect(known).toContain(condition.name);
      if (behind !== undefined) expect(known).toContain(behind);
    },
  );
});
