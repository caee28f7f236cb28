import { spawnSync } from 'node:child_process';
import { chmodSync, existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { describe, expect, test } from 'vitest';
import { openFile, streamSource } from '../../../src/audio/byte-source.ts';
import { openFfmpeg } from '../../../src/audio/formats/ffmpeg.ts';
import { openAudio } from '../../../src/audio/open-audio.ts';
import { PeekSource } from '../../../src/audio/peek-source.ts';
import { hangLimitMs } from '../../support/hang-limit.ts';
import { samplesOf, sine, temporaryFolder, wavBytes } from '../wav-bytes.ts';

const wav = 'samples/espeak-en-16k.wav';
/** What no reader here takes for its own. */
const unknown = Buffer.from('\0\0\0\x20ftypM4A and so on');

type Folder = ReturnType<typeof temporaryFolder>;

/** A program that plays ffmpeg. */
function program(folder: Folder, script: string): string {
  const path = folder.write('ffmpeg', Buffer.from(`#!/bin/sh\n${script}\n`));
  chmodSync(path, 0o755);
  return path;
}

/** Reads what a program of this script makes of a file. */
async function decode(folder: Folder, script: string) {
  const warnings: string[] = [];
  const path = folder.write('a.m4a', unknown);
  const ffmpeg = program(folder, script);
  const audio = await openAudio(path, { ffmpeg, onWarning: (message) => warnings.push(message) });
  return { samples: await samplesOf(audio), durationSeconds: audio.durationSeconds, warnings, path };
}

async function isGone(pidFile: string): Promise<boolean> {
  for (let endMs = Date.now() + hangLimitMs / 2; Date.now() < endMs; ) {
    try {
      process.kill(Number(readFileSync(pidFile, 'utf8')), 0);
    } catch {
      return true;
    }
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  return false;
}

describe.skipIf(process.platform === 'win32')('the program', () => {
  test('writes a WAV and tells the duration', async () => {
    using folder = temporaryFolder();
    const { samples, durationSeconds, warnings } = await decode(
      folder,
      `echo '[info]   Duration: 01:00:05.60, start: 0.0' >&2; sleep 0.1; cat ${wav}`,
    );
    expect(samples).toEqual(await samplesOf(await openAudio(wav)));
    expect(durationSeconds).toBe(3605.6);
    expect(warnings).toEqual([]);
  });

  test('gets the path as a file, and nothing else to open', async () => {
    using folder = temporaryFolder();
    const { path } = await decode(folder, `printf '%s\\n' "$@" > ${folder.path}/args; cat ${wav}`);
    const args = readFileSync(join(folder.path, 'args'), 'utf8').trim().split('\n');
    expect(args).toContain('-nostdin');
    expect(args[args.indexOf('-i') + 1]).toBe(`file:${path}`);
    expect(args.slice(0, args.indexOf('-i'))).toEqual(expect.arrayContaining(['-protocol_whitelist', 'file,pipe']));
    expect(args.at(-1)).toBe('pipe:1');
  });

  test('that fails at once is quoted', async () => {
    using folder = temporaryFolder();
    const fails = decode(folder, `echo '[mov @ 0x55] [error] moov atom not found' >&2; exit 1`);
    await expect(fails).rejects.toMatchObject({
      code: 'AUDIO_FFMPEG_FAILED',
      message: `${folder.path}/a.m4a cannot be decoded, ffmpeg says: moov atom not found`,
    });
    await expect(decode(folder, 'exit 7')).rejects.toMatchObject({ message: expect.stringContaining('exit code 7') });
    const silent = decode(folder, `echo "[fatal] Stream map '0:a:0' matches no streams." >&2; exit 1`);
    await expect(silent).rejects.toMatchObject({ code: 'AUDIO_NO_SOUND' });
  });

  test('that fails later: what came is used, with a warning', async () => {
    using folder = temporaryFolder();
    const said = `echo '[aac @ 0x5] [error] channel element 1.2 is not allocated' >&2; echo '[error] Error' >&2`;
    const { samples, warnings, path } = await decode(folder, `cat ${wav}; ${said}; exit 1`);
    expect(samples.length).toBe(89_652);
    expect(warnings).toEqual([
      `${path} is damaged: ffmpeg says "channel element 1.2 is not allocated", and 1 more messages; what it could decode is used`,
    ]);
  });

  test('that is not there is asked for', async () => {
    using folder = temporaryFolder();
    const path = folder.write('a.m4a', unknown);
    await expect(openAudio(path, { ffmpeg: join(folder.path, 'none') })).rejects.toMatchObject({
      code: 'AUDIO_NEEDS_FFMPEG',
      message: expect.stringMatching(/a\.m4a is MP4 \(m4a\), which takes ffmpeg to decode, and .*none cannot be run/),
      hint: expect.stringMatching(/install ffmpeg.*WHISPER_NPU_FFMPEG.*"[^"]*a-16k\.wav"/),
    });
  });

  test('is killed when the recording is closed, read or not', async () => {
    for (const isRead of [false, true]) {
      using folder = temporaryFolder();
      const pidFile = join(folder.path, 'pid');
      const path = folder.write('a.m4a', unknown);
      const ffmpeg = program(folder, `echo $$ > ${pidFile}; cat ${wav}; exec sleep 60`);
      const audio = await openAudio(path, { ffmpeg });
      if (isRead) for await (const _ of audio.samples) break;
      await audio[Symbol.asyncDispose]();
      expect(await isGone(pidFile)).toBe(true);
    }
  });

  test('is killed when the signal says so', async () => {
    using folder = temporaryFolder();
    const pidFile = join(folder.path, 'pid');
    const path = folder.write('a.m4a', unknown);
    const ffmpeg = program(folder, `echo $$ > ${pidFile}; exec sleep 60`);
    const opening = openAudio(path, { ffmpeg, signal: AbortSignal.timeout(300) });
    await expect(opening).rejects.toMatchObject({ name: 'TimeoutError' });
    expect(await isGone(pidFile)).toBe(true);
  });

  test('that hangs is given up and killed, at the start or in the middle', async () => {
    for (const script of ['exec sleep 60', `head -c 50000 ${wav}; exec sleep 60`]) {
      using folder = temporaryFolder();
      const pidFile = join(folder.path, 'pid');
      const path = folder.write('a.m4a', unknown);
      const source = new PeekSource(await openFile(path));
      const context = { source, warn: () => undefined };
      const input = { path, label: 'MP4', program: program(folder, `echo $$ > ${pidFile}; ${script}`), stallMs: 200 };
      const reading = (async () => {
        await using decoded = await openFfmpeg(context, input);
        for await (const _ of decoded.blocks);
      })();
      await expect(reading).rejects.toMatchObject({ code: 'AUDIO_FFMPEG_STUCK' });
      expect(await isGone(pidFile)).toBe(true);
    }
  });

  test('may wait for its own input as long as it takes', async () => {
    using folder = temporaryFolder();
    async function* slow() {
      yield unknown;
      await new Promise((resolve) => setTimeout(resolve, 1500));
      yield Buffer.from('the end');
    }
    const source = new PeekSource(streamSource('stdin', Readable.from(slow())));
    const input = {
      path: undefined,
      label: 'MP4',
      program: program(folder, `cat > ${folder.path}/in; cat ${wav}`),
      stallMs: 1000,
    };
    await using decoded = await openFfmpeg({ source, warn: () => undefined }, input);
    let nSamples = 0;
    for await (const { channels } of decoded.blocks) nSamples += channels[0]?.length ?? 0;
    expect(nSamples).toBe(89_652);
    expect(readFileSync(join(folder.path, 'in'), 'latin1')).toBe(`${unknown.toString('latin1')}the end`);
  });

  test('need not read its input to the end', async () => {
    using folder = temporaryFolder();
    async function* endless() {
      yield unknown;
      for (;;) yield Buffer.alloc(65_536);
    }
    const ffmpeg = program(folder, `head -c 1000 > /dev/null; cat ${wav}`);
    const audio = await openAudio('-', { ffmpeg, stdin: Readable.from(endless()) });
    expect((await samplesOf(audio)).length).toBe(89_652);
  });

  test('is not to blame for an input that fails', async () => {
    using folder = temporaryFolder();
    async function* failing() {
      yield Buffer.concat([unknown, Buffer.alloc(100_000)]);
      throw new Error('EIO');
    }
    const ffmpeg = program(folder, 'cat > /dev/null; sleep 5');
    const opening = openAudio('-', { ffmpeg, stdin: Readable.from(failing()) });
    await expect(opening).rejects.toMatchObject({ code: 'AUDIO_READ_FAILED', message: expect.stringContaining('EIO') });
  });
});

const hasFfmpeg = spawnSync('ffmpeg', ['-version']).status === 0;
if (!hasFfmpeg && process.env['CI'] !== undefined) throw new Error('CI tests with a real ffmpeg: install one');

describe.skipIf(!hasFfmpeg)('a real ffmpeg', () => {
  /** Makes a file of one second: 440 Hz on the left, 880 Hz on the right. */
  function encode(folder: Folder, name: string, ...args: string[]): string {
    const channels = [sine(440, 48_000, 48_000, 0.5), sine(880, 48_000, 48_000, 0.25)];
    const input = folder.write('in.wav', wavBytes({ encoding: 'f32', sampleRate: 48_000, channels }));
    const path = join(folder.path, name);
    const { stderr } = spawnSync('ffmpeg', ['-v', 'error', '-y', '-i', input, ...args, `file:${path}`], {
      encoding: 'utf8',
    });
    if (!existsSync(path)) throw new Error(stderr);
    return path;
  }

  /** Strength of a tone. */
  function tone(samples: Float32Array, hertz: number): number {
    let [re, im] = [0, 0];
    for (const [i, x] of samples.subarray(4000, 12_000).entries()) {
      re += x * Math.cos((2 * Math.PI * hertz * i) / 16_000);
      im += x * Math.sin((2 * Math.PI * hertz * i) / 16_000);
    }
    return Math.hypot(re, im) / 4000;
  }

  test.each([
    ['a.m4a', []],
    ['a.mkv', []],
    ['a.aiff', []],
    ['a.wma', []],
    ['a.caf', []],
    ['a.mpg', ['-c:a', 'mp2']],
    ['a.ts', ['-c:a', 'mp2']],
    ['a.avi', ['-c:a', 'mp3']],
    ['a.flv', ['-c:a', 'mp3', '-ar', '44100']],
    ['adpcm.wav', ['-c:a', 'adpcm_ima_wav']],
    ['-starts like an option.m4a', []],
    ['http:is no address.m4a', []],
  ])('%s, each channel', async (name, args) => {
    using folder = temporaryFolder();
    const path = encode(folder, name, ...args);
    const read = async (channel: 'left' | 'right' | 'mix') => samplesOf(await openAudio(path, { channel }));
    const [left, right, mix] = [await read('left'), await read('right'), await read('mix')];
    expect(Math.abs(left.length - 16_000)).toBeLessThan(1200); // codecs fill their last frame
    expect(tone(left, 440)).toBeCloseTo(0.5, 1);
    expect(tone(left, 880)).toBeLessThan(0.01);
    expect(tone(right, 880)).toBeCloseTo(0.25, 1);
    expect(tone(right, 440)).toBeLessThan(0.01);
    expect(tone(mix, 440)).toBeCloseTo(0.25, 1);
  });

  test('names with a dash are taken from the current folder, too', async () => {
    using folder = temporaryFolder();
    encode(folder, '-i.m4a');
    const before = process.cwd();
    process.chdir(folder.path);
    try {
      expect((await samplesOf(await openAudio('-i.m4a'))).length).toBeGreaterThan(15_000);
    } finally {
      process.chdir(before);
    }
  });

  test('keeps sound that begins late in its place', async () => {
    using folder = temporaryFolder();
    const late = ['-itsoffset', '1.5', '-i', join(folder.path, 'in.wav')];
    const video = ['-f', 'lavfi', '-i', 'testsrc=size=64x64:rate=5:duration=3'];
    const path = encode(folder, 'late.mkv', ...late, ...video, '-map', '1:a', '-map', '2:v');
    const samples = await samplesOf(await openAudio(path));
    expect(Math.abs(samples.length - 40_000)).toBeLessThan(1200);
    expect(samples.subarray(0, 23_000).every((x) => Math.abs(x) < 1e-3)).toBe(true);
    expect(tone(samples.subarray(24_000), 440)).toBeCloseTo(0.25, 1);
  });

  test('reads from a pipe what can be read from one', async () => {
    using folder = temporaryFolder();
    const matroska = readFileSync(encode(folder, 'a.mkv'));
    const samples = await samplesOf(await openAudio('-', { stdin: Readable.from([matroska]) }));
    expect(tone(samples, 440)).toBeCloseTo(0.25, 1);
    const noise = Buffer.from(Array.from({ length: 5000 }, (_, i) => (i * i * 131) & 0xff));
    await expect(openAudio('-', { stdin: Readable.from([noise]) })).rejects.toMatchObject({
      code: 'AUDIO_FFMPEG_FAILED',
      hint: expect.stringContaining('save it to a file'),
    });
  });

  test('a video without sound has none', async () => {
    using folder = temporaryFolder();
    const path = encode(folder, 'mute.mp4', '-f', 'lavfi', '-i', 'testsrc=size=64x64:rate=5:duration=1', '-map', '1:v');
    await expect(openAudio(path)).rejects.toMatchObject({
      code: 'AUDIO_NO_SOUND',
      message: `${path} has no sound in it`,
    });
  });

  test('files cut anywhere give an error or what is there, with a warning', async () => {
    using folder = temporaryFolder();
    for (const name of ['a.m4a', 'a.mkv']) {
      const bytes = readFileSync(encode(folder, name));
      for (const share of [0.02, 0.3, 0.9]) {
        const warnings: string[] = [];
        const path = folder.write(`cut-${name}`, bytes.subarray(0, bytes.length * share));
        const reading = openAudio(path, { onWarning: (message) => warnings.push(message) }).then(samplesOf);
        const result = await reading.catch((error: unknown) => error);
        if (result instanceof Float32Array) expect(result.every((x) => Math.abs(x) <= 1)).toBe(true);
        else expect(result).toMatchObject({ name: 'AudioError' });
      }
    }
  });
});
