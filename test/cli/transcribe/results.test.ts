import { describe, expect, test } from 'vitest';
import type { Session } from '../../../src/cli/session.ts';
import type { Terminal } from '../../../src/cli/terminal.ts';
import type { OutputSettings } from '../../../src/cli/transcribe/output-settings.ts';
import { openResults } from '../../../src/cli/transcribe/results.ts';
import type { Segment } from '../../../src/transcribe/segment.ts';
import { segment, spoken } from '../../output/segments.ts';

/** Shows one segment. @returns what went to stdout, and what was noted on stderr */
async function show(said: Segment, isTTY: boolean, asked: Partial<OutputSettings> = {}) {
  const [stdout, noted]: [string[], string[]] = [[], []];
  const stream = { isTTY, hasColors: () => true } as unknown as NodeJS.WriteStream;
  const session = { stdout: stream, stderr: stream, print: async (text: string) => void stdout.push(text) };
  const terminal = { endProgress: () => undefined, styledNote: (line: string) => void noted.push(line) };
  const settings: OutputSettings = {
    formats: ['txt'],
    directory: undefined,
    stdout: 'segments',
    layout: {},
    showsTimes: false,
    colors: undefined,
    needsTimestamps: false,
    needsWords: false,
    ...asked,
  };
  const open = openResults(settings, session as unknown as Session, terminal as unknown as Terminal, 1);
  const results = open({ say: (what) => what() });
  await results.segment(said);
  return { stdout: stdout.join(''), noted: noted.join('\n') };
}

describe('what a model wrote', () => {
  const text = ' a\x1b]0;title\x07 b\u202ec\x9b2J';

  test('is shown on a terminal without what would control it', async () => {
    expect((await show(segment(0, 1, text), true)).stdout).toBe('a ]0;title  bc 2J\n');
    expect((await show(segment(0, 1, text), true, { directory: 'out', stdout: 'nothing' })).noted).toMatch(
      /\] a \]0;title {2}bc 2J$/,
    );
  });

  test('goes to programs with all characters of text', async () => {
    expect((await show(segment(0, 1, text), false)).stdout).toBe('a ]0;title  b\u202ec 2J\n');
  });

  test('has our colours and no others', async () => {
    const { stdout } = await show(spoken([' a\x1b[41m', 0, 1], [' b\u202e', 1, 2]), true, { colors: true });
    expect(stdout).toBe('\x1b[38;5;202ma [41m\x1b[39m \x1b[38;5;202mb\x1b[39m\n');
  });
});
