import { readFile } from 'node:fs/promises';
import { expect, test } from 'vitest';
import type { Session } from '../../../src/cli/session.ts';
import type { Terminal } from '../../../src/cli/terminal.ts';
import { openResults } from '../../../src/cli/transcribe/results.ts';
import { segment, spoken } from '../../output/segments.ts';

/** Paths of all fields of a value, such as `segments[].words[].word`. */
function fieldsOf(value: unknown, prefix = ''): string[] {
  if (Array.isArray(value)) return value.flatMap((item) => fieldsOf(item, `${prefix}[]`));
  if (value === null || typeof value !== 'object') return [];
  return Object.entries(value).flatMap(([name, member]) => {
    const path = prefix === '' ? name : `${prefix}.${name}`;
    return [path, ...fieldsOf(member, path)];
  });
}

test('docs/transcription.md describes every field of the JSON, and no other', async () => {
  const printed: string[] = [];
  const session = { stdout: {}, stderr: {}, print: async (text: string) => void printed.push(text) };
  const settings = {
    formats: [],
    directory: undefined,
    stdout: 'json',
    layout: {},
    showsTimes: false,
    colors: false,
    needsTimestamps: true,
    needsWords: true,
  } as const;
  const terminal = { endProgress: () => undefined, note: () => undefined };
  const open = openResults(settings, session as unknown as Session, terminal as unknown as Terminal, 2);
  const transcript = {
    file: 'talk.wav',
    segments: [spoken([' one', 0, 1]), { ...segment(1, 2, ' zwei'), language: 'de' }],
    language: 'en',
    languageProbability: 0.9,
    task: 'transcribe',
    audioSeconds: 2,
    model: 'whisper-base',
    device: 'CPU',
  };
  const outputs = new Map();
  const job = { input: 'talk.wav', outputs };
  const results = open({ say: (what) => what() });
  await results.end(job as unknown as Parameters<typeof results.end>[0], transcript, 1, new Date());
  const fields = new Set([...fieldsOf(JSON.parse(printed.join(''))), 'outputs']);
  const page = await readFile('docs/transcription.md', 'utf8');
  const section = page.split('### Fields of the JSON')[1]?.split('\n## ')[0] ?? '';
  const described = [...section.matchAll(/^\| `([^`]+)` \|/gm)].map(([, name]) => name as string);
  expect(new Set(described)).toEqual(fields);
  expect(described).toHaveLength(fields.size);
});
