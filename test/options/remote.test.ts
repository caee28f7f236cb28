import { Command } from 'commander';
import { expect, test } from 'vitest';
import { addOptions, readOptions } from '../../src/cli/command-options.ts';
import type { Session } from '../../src/cli/session.ts';
import { readFormFields } from '../../src/options/form-options.ts';
import { formFields } from '../../src/options/form-text.ts';

test('what a form is given for options is read as what they were', () => {
  const values = {
    channel: 'left',
    track: 2,
    startSeconds: 83.5,
    endSeconds: 1e5,
    inputFormat: undefined,
    clips: [{ startSeconds: 0.25, endSeconds: 3 }, { startSeconds: 7 }],
    language: 'auto',
    task: 'translate',
    hotwords: ['Kunpeng', 'Anna Berg'],
    initialPrompt: ' a, b\n"c" ',
    beamSize: 3,
    lengthPenalty: 1e-7,
    temperatureIncrement: 0,
    conditionOnPreviousText: false,
    suppressTokens: [1, 50_000],
    wordTimestamps: true,
  };
  const fields = formFields(values);
  expect(fields).not.toContainEqual(['patience', '1']);
  const read = readFormFields(
    fields.map(([name, value]) => ({ name, value })),
    [],
    () => {},
  );
  expect(read).toMatchObject(Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined)));
});

test('what a server does by itself is not said', () => {
  expect(formFields({ beamSize: 1, channel: 'mix', suppressTokens: [], outputDir: 'x', format: ['srt'] })).toEqual([]);
});

function read(...args: string[]) {
  const session = { env: {}, stderr: { write: () => true } } as unknown as Session;
  const command = addOptions(new Command('transcribe'), 'transcribe').exitOverride();
  command.action(() => undefined).parse(args, { from: 'user' });
  return readOptions(command, 'transcribe', session).options;
}

test.each([
  '--device=cpu',
  '--threads=1023',
  '--dtype=int8',
  '--om-dir=x',
  '--source=pip',
  '--offline',
  '--cpu-level=plain',
])('%s is refused where a server does the work', (flag) => {
  expect(read(flag)).toBeDefined();
  expect(() => read(flag, '--server=http://127.0.0.1:8000')).toThrow(
    `--server cannot be combined with ${flag.replace(/=.*/, '')}: a server has its own models and devices`,
  );
});

test.each(['localhost:8000', 'ftp://a', 'http://a?b', 'http://user:word@a', ''])('%j is no server', (address) => {
  expect(() => read('--server', address)).toThrow('expected the address of a server, as http://127.0.0.1:8000');
});
