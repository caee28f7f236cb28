import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { describe, expect, test } from 'vitest';
import { hangLimitMs } from './support/hang-limit.ts';
import { models } from './support/models.ts';

const root = fileURLToPath(new URL('..', import.meta.url));
const env = { ...process.env, WHISPER_NPU_ACL_LIBRARY: '/nowhere' };
const run = (script: string, ...args: string[]) =>
  promisify(execFile)(process.execPath, [script, ...args], { cwd: root, env, timeout: hangLimitMs });

describe.skipIf(models.base === undefined)('the library, as the examples use it,', () => {
  test('makes subtitles', async () => {
    const { stdout, stderr } = await run('examples/subtitles.mjs');
    expect(stdout).toMatch(
      /^1\n00:00:00,000 --> 00:00:05,\d{3}\n[Ss]peech recognition on a neural processing unit .*\.\n\n$/,
    );
    expect(stderr).toBe('');
  });

  test('gives words as they are found', async () => {
    const { stdout } = await run('examples/live-words.mjs');
    const words = stdout
      .trimEnd()
      .split('\n')
      .map((line) => /^ *(\d+\.\d\d) (\S+) \((\d+) %\)$/.exec(line));
    expect(words.map((match) => match?.[2]).join(' ')).toMatch(/^[Ss]peech recognition .* fraction of a second\.$/);
    const times = words.map((match) => Number(match?.[1]));
    expect(times).toEqual([...times].sort((a, b) => a - b));
  });
});

test('the library exports these names, each of which docs/library.md mentions, and nothing of the command line', async () => {
  const library = await import('../src/index.ts');
  const page = readFileSync(new URL('../docs/library.md', import.meta.url), 'utf8');
  expect(Object.keys(library).filter((name) => !page.includes(name))).toEqual([]);
  expect(Object.keys(library).sort()).toEqual([
    'AudioError',
    'ConversionError',
    'ModelError',
    'NpuError',
    'UsageError',
    'WhisperNpuError',
    'detectLanguage',
    'formatNames',
    'formats',
    'loadModel',
    'openPool',
    'openRecording',
    'openSilero',
    'transcribe',
    'transcribeDefaults',
  ]);
});
