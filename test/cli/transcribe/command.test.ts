import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { models } from '../../support/models.ts';
import { runCli } from '../../support/run-cli.ts';
import { shared } from '../../support/shared.ts';

const sample = 'samples/espeak-en-16k.wav';
const sentence =
  'speech recognition on a neural processing unit turns this recording into text in a fraction of a second.';

describe.skipIf(models.base === undefined)('transcribe with whisper-base', () => {
  const model = ['--model', models.base ?? ''];

  test('prints the sentence on stdout and the rest on stderr', async () => {
    const { code, stdout, stderr } = await runCli(['transcribe', ...model, sample]);
    expect(code).toBe(0);
    expect(stdout).toBe(`${sentence}\n`);
    expect(stderr).toMatch(/device CPU, \d+ threads? \((ONNX Runtime|plain|AVX2|AVX-512)/);
    expect(stderr).toMatch(/5\.6 s of audio in [\d.]+ s .*RTF .*language en \(detected, \d+ %\)/);
  });

  test('reads a WAV from stdin', async () => {
    const { code, stdout } = await runCli(['transcribe', '-q', ...model, '-'], { stdin: readFileSync(sample) });
    expect(code).toBe(0);
    expect(stdout).toBe(`${sentence}\n`);
  });

  test('--quiet leaves stderr empty', async () => {
    const { stderr } = await runCli(['transcribe', '--quiet', ...model, sample]);
    expect(stderr).toBe('');
  });

  test('one bad file among good ones is reported and the others are transcribed', async () => {
    const args = ['transcribe', ...model, 'package.json', sample];
    const { code, stdout, stderr } = await runCli(args);
    expect(code).toBe(1);
    expect(stdout).toBe(`==> ${sample} <==\n${sentence}\n`);
    expect(stderr).toContain('package.json');
    expect(stderr).toContain('1 of 2 files failed');
  });

  test('--json gives one object per file, failures included', async () => {
    const { code, stdout } = await runCli(['transcribe', '--json', ...model, 'package.json', sample]);
    expect(code).toBe(1);
    const [failure, result] = stdout
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line));
    expect(failure).toMatchObject({ file: 'package.json', error: { code: expect.any(String) } });
    expect(result).toMatchObject({ file: sample, language: 'en', task: 'transcribe', duration: 5.603 });
    expect(result.text.trim()).toBe(sentence);
    expect(result.segments).toHaveLength(1);
  });

  test('--json is --format json on one line, with what it took behind it', async () => {
    const of = async (...args: string[]) => (await runCli(['transcribe', '-q', ...model, ...args, sample])).stdout;
    const document = await of('--format', 'json');
    const line = await of('--json');
    expect(line).toMatch(/^[^\n]*, "elapsed": [\d.]+, "rtf": [\d.]+\}\n$/);
    expect(line.replace(/, "elapsed": .*/, '}')).toBe(document);
    const [{ tokens, no_speech_prob: noSpeech }] = JSON.parse(line).segments;
    expect([tokens[0], tokens.at(-1)].every((token) => token >= 50364)).toBe(true);
    expect(noSpeech).toBeGreaterThanOrEqual(0);
  });

  test('Ctrl-C ends with 130 and prints no half result', async () => {
    const { code, stdout, stderr } = await runCli(['transcribe', ...model, sample], {
      when: { text: 'device CPU', act: (kill) => kill('SIGINT') },
    });
    expect(code).toBe(130);
    expect(stdout).toBe('');
    expect(stderr).toContain('interrupted');
  });
});

const golden = shared === undefined ? undefined : join(shared, 'golden', 'whisper-base');

describe.skipIf(models.base === undefined || golden === undefined)('transcribe against the reference', () => {
  const clips =
    golden === undefined
      ? []
      : readdirSync(golden).filter((name) => /^[^.]+\.json$/.test(name) && name !== 'long.json');
  const reference = (clip: string) => JSON.parse(readFileSync(join(golden ?? '', clip), 'utf8'));
  const audio = (clip: string) => join(shared ?? '', 'audio', clip.replace('.json', '.wav'));
  let texts: string;
  let notes: string;

  beforeAll(async () => {
    const { stdout, stderr } = await runCli(['transcribe', '--model', models.base ?? '', ...clips.map(audio)]);
    [texts, notes] = [stdout, stderr];
  });

  test('there are clips to compare', () => {
    expect(clips.length).toBeGreaterThan(4);
  });

  test.each(clips)('%s: text and detected language are the reference’s', (clip) => {
    const { text, language } = reference(clip).short_no_timestamps;
    expect(texts).toContain(`==> ${audio(clip)} <==\n${text}\n`);
    const note = notes.split('\n').find((line) => line.startsWith(`${audio(clip)}: `) && line.includes('language'));
    expect(note).toContain(`language ${language} (detected`);
  });
});

describe.skipIf(models.tinyEn === undefined)('transcribe with whisper-tiny.en', () => {
  test('knows English only and needs no language', async () => {
    const { code, stdout } = await runCli(['transcribe', '-q', '--model', models.tinyEn ?? '', sample]);
    expect(code).toBe(0);
    expect(stdout.toLowerCase()).toContain('neural processing unit');
  });

  test('refuses another language', async () => {
    const { code, stderr } = await runCli(['transcribe', '-l', 'de', '--model', models.tinyEn ?? '', sample]);
    expect(code).toBe(2);
    expect(stderr).toContain('English');
  });
});
