import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { temporaryFolder } from '../../audio/wav-bytes.ts';
import { fixturePath } from '../../support/fixtures.ts';
import { models } from '../../support/models.ts';
import { runCli } from '../../support/run-cli.ts';

const sample = 'samples/espeak-en-16k.wav';
const sentence =
  'speech recognition on a neural processing unit turns this recording into text in a fraction of a second.';
const encoded = ['mp3', 'flac', 'ogg', 'opus'].map((extension) => fixturePath(`espeak-en.${extension}`));

describe.skipIf(models.base === undefined)('every format with whisper-base', () => {
  const transcribe = ['transcribe', '-q', '--model', models.base ?? ''];

  test('gives the text of the WAV', async () => {
    const { code, stdout } = await runCli([...transcribe, sample, ...encoded]);
    expect(code).toBe(0);
    expect(stdout).toBe([sample, ...encoded].map((path) => `==> ${path} <==\n${sentence}\n`).join(''));
  });

  test.each(encoded)('%s from stdin, under no name', async (path) => {
    const { stdout } = await runCli([...transcribe, '-'], { stdin: readFileSync(path) });
    expect(stdout).toBe(`${sentence}\n`);
  });

  test('raw samples from stdin', async () => {
    const raw = readFileSync(sample).subarray(44);
    const { stdout } = await runCli([...transcribe, '--input-format', 's16le', '-'], { stdin: raw });
    expect(stdout).toBe(`${sentence}\n`);
  });

  test('a part, with times of the whole', async () => {
    const part = ['--start', '0:01.5', '--end', '3.5', '--json'];
    const { stdout } = await runCli([...transcribe, ...part, fixturePath('espeak-en.flac')]);
    const { text, segments, duration } = JSON.parse(stdout);
    expect(text).toContain('turns this recording');
    expect(segments[0].start).toBeGreaterThanOrEqual(1.5);
    expect(segments.at(-1).end).toBeLessThanOrEqual(3.52); // the step of a timestamp
    expect(segments.at(-1).end).toBeGreaterThan(3);
    expect(duration).toBe(2);
  });

  test.skipIf(spawnSync('ffmpeg', ['-version']).status !== 0)('a video, through ffmpeg', async () => {
    using folder = temporaryFolder();
    const path = join(folder.path, 'talk.mkv');
    const picture = ['-f', 'lavfi', '-i', 'testsrc=size=64x64:rate=5:duration=5.6'];
    spawnSync('ffmpeg', ['-v', 'error', ...picture, '-i', sample, '-c:a', 'flac', path]);
    expect((await runCli([...transcribe, path])).stdout).toBe(`${sentence}\n`);
  });
});

describe('what cannot be read', () => {
  test('for want of an ffmpeg exits with 3 and says what to do', async () => {
    using folder = temporaryFolder();
    const path = folder.write('a.m4a', Buffer.from('\0\0\0\x20ftypM4A '));
    const { code, stderr } = await runCli(['transcribe', path], { env: { WHISPER_NPU_FFMPEG: '/nonexistent' } });
    expect(code).toBe(3);
    expect(stderr).toMatch(
      /error: .*a\.m4a is MP4 \(m4a\), which takes ffmpeg to decode, and \/nonexistent cannot be run/,
    );
    expect(stderr).toContain('hint: install ffmpeg');
  });

  test.each([
    [['--start', '3', '--end', '2'], '--end must lie behind --start'],
    [['--start', 'soon'], '--start is soon: expected seconds, m:s or h:m:s'],
    [['--start', '1:2:3:4'], '--start is 1:2:3:4: expected seconds, m:s or h:m:s'],
    [['--rate', '8000'], '--rate needs --input-format'],
    [['--input-format', 'mp3'], '--input-format is mp3: expected u8, s16le'],
    [['--input-format', 'u8', '--rate', '10'], '--rate is 10: expected a whole number from 1000 to 384000'],
  ])('%j is wrong usage', async (args, message) => {
    const { code, stderr } = await runCli(['transcribe', ...args, sample]);
    expect(code).toBe(2);
    expect(stderr).toContain(message);
  });
});
