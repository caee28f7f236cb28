import { spawnSync } from 'node:child_process';
import { chmodSync, existsSync, readFileSync } from 'node:fs';
import { delimiter, join, resolve } from 'node:path';
import { Readable } from 'node:stream';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { openFile, streamSource } from '../../../src/audio/byte-source.ts';
import { openFfmpeg } from '../../../src/audio/formats/ffmpeg.ts';
import { startFfmpeg } from '../../../src/audio/formats/ffmpeg-process.ts';
import { openAudio } from '../../../src/audio/open-audio.ts';
import { PeekSource } from '../../../src/audio/peek-source.ts';
import { hangLimitMs } from '../../support/hang-limit.ts';
import { chunk, samplesOf, sine, temporaryFolder, wavBytes } from '../wav-bytes.ts';

const wav = resolve('samples/espeak-en-16k.wav');
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

/** What ffmpeg writes into a pipe before any sound, which says nothing of its length. */
function headerIn(folder: Folder): string {
  return folder.write('header.wav', wavBytes({ channels: [[]], dataSize: 0xffffffff }));
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
  test.runIf(existsSync('/usr/bin/prlimit'))(
    'gets memory for sound and not for what a file was made to ask for',
    async () => {
      using folder = temporaryFolder();
      const limits = join(folder.path, 'limits');
      await decode(folder, `{ ulimit -d; ulimit -c; } > ${limits}; cat ${wav}`);
      expect(readFileSync(limits, 'utf8')).toBe(`${2 * 1024 ** 2}\n0\n`); // 2 GiB in KiB
    },
  );

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
    expect(args.slice(0, args.indexOf('-i'))).toEqual(expect.arrayContaining(['-protocol_whitelist', 'file']));
    expect(args.at(-1)).toBe('pipe:1');
  });

  test('is looked for on the PATH, never in the current folder, and works in neither', async () => {
    using folder = temporaryFolder();
    const before = { cwd: process.cwd(), path: process.env['PATH'] };
    program(folder, `pwd > ${folder.path}/ran; env >> ${folder.path}/ran; cat ${wav}`);
    const path = folder.write('a.m4a', unknown);
    try {
      process.chdir(folder.path);
      process.env['PATH'] = ['', '.', 'bin'].join(delimiter);
      await expect(openAudio(path)).rejects.toMatchObject({ code: 'AUDIO_NEEDS_FFMPEG' });
      process.env['PATH'] = ['', '.', folder.path, '/usr/bin', '/bin'].join(delimiter);
      process.env['LD_LIBRARY_PATH'] = `${delimiter}.${delimiter}/nowhere`;
      process.env['FFREPORT'] = 'file=report.log';
      expect((await samplesOf(await openAudio('a.m4a'))).length).toBe(89_652);
    } finally {
      process.chdir(before.cwd);
      process.env['PATH'] = before.path;
      delete process.env['LD_LIBRARY_PATH'];
      delete process.env['FFREPORT'];
    }
    const [cwd, ...env] = readFileSync(join(folder.path, 'ran'), 'utf8').split('\n');
    expect(cwd).toBe('/');
    expect(env).toContain(`PATH=${folder.path}:/usr/bin:/bin`);
    expect(env).toContain('LD_LIBRARY_PATH=/nowhere');
    expect(env.join()).not.toContain('FFREPORT');
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
      hint: expect.stringMatching(/install ffmpeg.*WHISPER_NPU_FFMPEG.* \S*a-16k\.wav$/),
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

  test('may end before anybody reads what it wrote', async () => {
    using folder = temporaryFolder();
    const ended = join(folder.path, 'pid');
    const run = { args: [], name: 'a.m4a', stallMs: 60_000 };
    const script = `echo $$ > ${ended}; head -c 50000 ${wav}`;
    await using output = await startFfmpeg({ ...run, program: program(folder, script) });
    expect(await isGone(ended)).toBe(true);
    expect(await output.readInto(new Uint8Array(100_000))).toBe(50_000);
  });

  test('gets a copy of what comes through a pipe, however slowly, which is gone afterwards', async () => {
    using folder = temporaryFolder();
    async function* slow() {
      yield unknown;
      await new Promise((resolve) => setTimeout(resolve, 1500));
      yield Buffer.from('the end');
    }
    const source = new PeekSource(streamSource('stdin', Readable.from(slow())));
    const script = `for a in "$@"; do case $a in file:*) cat "\${a#file:}" > ${folder.path}/in; echo "$a" > ${folder.path}/path; esac; done`;
    const input = { path: undefined, label: 'MP4', program: program(folder, `${script}; cat ${wav}`), stallMs: 1000 };
    {
      await using decoded = await openFfmpeg({ source, warn: () => undefined }, input);
      let nSamples = 0;
      for await (const { channels } of decoded.blocks) nSamples += channels[0]?.length ?? 0;
      expect(nSamples).toBe(89_652);
    }
    expect(readFileSync(join(folder.path, 'in'), 'latin1')).toBe(`${unknown.toString('latin1')}the end`);
    const copy = readFileSync(join(folder.path, 'path'), 'utf8').trim().slice('file:'.length);
    expect(existsSync(copy)).toBe(false);
  });

  test('that decodes nothing has failed, whatever it began to write', async () => {
    using folder = temporaryFolder();
    const decoding = decode(folder, `cat ${headerIn(folder)}; echo '[error] partial file' >&2`);
    await expect(decoding).rejects.toMatchObject({
      code: 'AUDIO_FFMPEG_FAILED',
      message: expect.stringContaining('ffmpeg says: partial file'),
    });
  });

  test('that decodes nothing has failed, whatever it says, unless the recording says that it is empty', async () => {
    using folder = temporaryFolder();
    for (const said of ['', `echo '[info]   Duration: 00:00:05.60, start: 0.0' >&2;`])
      await expect(decode(folder, `${said} cat ${headerIn(folder)}`)).rejects.toMatchObject({
        code: 'AUDIO_FFMPEG_FAILED',
        message: expect.stringContaining('ffmpeg says: nothing, and finds no sample of sound'),
      });
    const padded = `echo '[gsm_ms @ 0x5] [error] Packet is too small' >&2`;
    await expect(decode(folder, `cat ${headerIn(folder)}; ${padded}`)).rejects.toMatchObject({
      code: 'AUDIO_FFMPEG_FAILED',
    });
    const empty = await decode(
      folder,
      `echo '[info]   Duration: 00:00:00.00, start: 0.0' >&2; cat ${headerIn(folder)}`,
    );
    expect([empty.samples.length, empty.warnings]).toEqual([0, []]);
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
    ['a.aiff', ['-c:a', 'adpcm_ima_qt']],
    ['a.wma', []],
    ['a.caf', ['-c:a', 'alac']],
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

  describe('several tracks of sound', () => {
    /** The first has 440 Hz alone; the second, which is the default one, is both channels. */
    function twoTracks(folder: Folder, name: string): string {
      const maps = ['-map', '0:a', '-map', '0:a', '-filter:a:0', 'pan=mono|c0=FL', '-disposition:a:0', '0'];
      const about = [
        '-disposition:a:1',
        'default',
        '-metadata:s:a:0',
        'language=deu',
        '-metadata:s:a:1',
        'language=eng',
      ];
      return encode(folder, name, ...maps, ...about);
    }
    const has880 = (samples: Float32Array) => tone(samples, 880) > 0.05;

    test.each(['a.mkv', 'a.mp4'])(
      '%s: the default one, with a warning of the others, or the one asked for',
      async (name) => {
        using folder = temporaryFolder();
        const path = twoTracks(folder, name);
        for (const input of [path, '-']) {
          const read = async (track?: number | string) => {
            const warnings: string[] = [];
            const onWarning = (message: string) => warnings.push(message);
            const stdin = Readable.from([readFileSync(path)]);
            const audio = await openAudio(input, { onWarning, stdin, ...(track === undefined ? {} : { track }) });
            return { samples: await samplesOf(audio), warnings };
          };
          const { samples, warnings } = await read();
          expect(has880(samples)).toBe(true);
          const called = input === '-' ? 'stdin' : path;
          expect(warnings).toEqual([
            `${called} has 2 tracks of sound, 1 (deu) and 2 (eng, default): 2 is read, --track reads another one`,
          ]);
          for (const [track, is880] of [
            [1, false],
            [2, true],
            ['de', false],
            ['en', true],
          ] as const) {
            const chosen = await read(track);
            expect(has880(chosen.samples)).toBe(is880);
            expect(chosen.warnings).toEqual([]);
          }
          for (const track of [3, 'fr'])
            await expect(read(track)).rejects.toMatchObject({
              code: 'AUDIO_NO_TRACK',
              hint: 'it has 1 (deu) and 2 (eng, default)',
            });
        }
      },
    );

    test('what is decoded here has one, but Ogg may have more', async () => {
      using folder = temporaryFolder();
      expect((await samplesOf(await openAudio(wav, { track: 1 }))).length).toBe(89_652);
      expect((await samplesOf(await openAudio(wav, { track: 'en' }))).length).toBe(89_652);
      await expect(openAudio(wav, { track: 2 })).rejects.toMatchObject({ code: 'AUDIO_NO_TRACK' });
      const path = twoTracks(folder, 'a.ogg');
      expect(has880(await samplesOf(await openAudio(path, { track: 'de' })))).toBe(false);
      expect(has880(await samplesOf(await openAudio(path, { track: 2 })))).toBe(true);
    });
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

  test.each(['a.mkv', 'a.m4a', 'adpcm.wav'])('reads %s from a pipe as from a file', async (name) => {
    using folder = temporaryFolder();
    const path = encode(folder, name, ...(name === 'adpcm.wav' ? ['-c:a', 'adpcm_ima_wav'] : []));
    const piped = await samplesOf(await openAudio('-', { stdin: Readable.from([readFileSync(path)]) }));
    expect(piped).toEqual(await samplesOf(await openAudio(path)));
    expect(tone(piped, 440)).toBeCloseTo(0.25, 1);
  });

  test('noise is an error', async () => {
    const noise = Buffer.from(Array.from({ length: 5000 }, (_, i) => (i * i * 131) & 0xff));
    await expect(openAudio('-', { stdin: Readable.from([noise]) })).rejects.toMatchObject({
      code: 'AUDIO_FFMPEG_FAILED',
    });
  });

  test.each([
    ['a.flv', ['-ar', '44100', '-c:a', 'mp3']],
    ['a.mov', []],
    ['a.ts', []],
    ['a.mpg', []],
    ['a.avi', []],
    ['a.webm', ['-c:a', 'libopus']],
    ['a.ogg', ['-c:a', 'flac', '-f', 'ogg']],
    ['a.3gp', ['-c:a', 'aac']],
    ['a.aac', []],
    ['a.ac3', []],
    ['a.eac3', []],
    ['a.au', []],
    ['a.w64', []],
    ['a.wv', []],
    ['a.tta', []],
    ['a.voc', []],
    ['a.dts', ['-strict', '-2', '-c:a', 'dca']],
    ['a.wtv', []],
    ['a.nut', []],
  ])('%s is among the formats it may read', async (name, args) => {
    using folder = temporaryFolder();
    const samples = await samplesOf(await openAudio(encode(folder, name, ...args)));
    expect(tone(samples, 440)).toBeCloseTo(0.25, 1);
  });

  describe('is not led to other files', () => {
    let folder: Folder;
    beforeAll(() => {
      folder = temporaryFolder();
      for (const secret of ['secret.mp3', 'secret.wav', 'secret.ts', 'secret.m4a']) encode(folder, secret);
    });
    afterAll(() => folder[Symbol.dispose]());
    const hls = (path: string) => `#EXTM3U\n#\x01\n#EXT-X-TARGETDURATION:12\n#EXTINF:11,\n${path}\n#EXT-X-ENDLIST\n`;
    const xml = (element: string) => `<?xml version="1.0"?><!-- \x01 -->${element}`;
    const mpd = (path: string) =>
      xml(
        '<MPD xmlns="urn:mpeg:dash:schema:mpd:2011" type="static" mediaPresentationDuration="PT1S"><Period><AdaptationSet ' +
          'mimeType="audio/mp4"><Representation id="0" bandwidth="1"><BaseURL>' +
          `${path}</BaseURL></Representation></AdaptationSet></Period></MPD>`,
      );

    test.each<[string, string, (folder: string) => string]>([
      ['a playlist', 'a.mp3', (folder) => hls(`${folder}/secret.mp3`)],
      ['a playlist called what it is', 'a.m3u8', (folder) => hls(`file:${folder}/secret.ts`)],
      ['a playlist of its neighbours', 'a.mp4', () => hls('secret.ts')],
      [
        'a playlist behind a tag',
        'a.wav',
        (folder) => `ID3\x04\0\0\0\0\0\x0a${'\0'.repeat(10)}${hls(`${folder}/secret.mp3`)}`,
      ],
      ['a concatenation', 'a.m4a', () => "ffconcat version 1.0\n#\x01\nfile 'secret.wav'\n"],
      ['a DASH manifest', 'a.mpd', (folder) => mpd(`${folder}/secret.m4a`)],
      [
        'an IMF playlist',
        'a.xml',
        () => xml('<CompositionPlaylist xmlns="http://www.smpte-ra.org/schemas/2067-3/2016"/>'),
      ],
      [
        'a session description',
        'a.sdp',
        () => 'v=0\no=- 0 0 IN IP4 127.0.0.1\ns=\x01\nc=IN IP4 127.0.0.1\nm=audio 5004 RTP/AVP 0\n',
      ],
      [
        'an index of subtitles',
        'a.idx',
        () => '# VobSub index file, v7\n#\x01\nid: en, index: 0\ntimestamp: 00:00:00:000, filepos: 0\n',
      ],
      ['a series of pictures', 'secret%d.mp3', () => '\x01'],
      ['a script of tones', 'a.sbg', () => '#\x01\nall: pink/40\nNOW all\n'],
    ])('by %s', async (_, name, content) => {
      const bytes = Buffer.from(content(folder.path), 'latin1');
      for (const path of [folder.write(name, bytes), '-']) {
        const opening = openAudio(path, { stdin: Readable.from([bytes]) }).then(samplesOf);
        const error: unknown = await opening.catch((reason: unknown) => reason);
        expect(error).toMatchObject({ code: expect.stringMatching(/^AUDIO_(UNKNOWN_FORMAT|FFMPEG_FAILED)$/) });
        // Not even looked at: its name is in no message.
        expect((error as Error).message.replaceAll(name, '')).not.toContain('secret');
      }
    });

    test('says what is wrong with a playlist', async () => {
      const path = folder.write('a.mp3', Buffer.from(hls('secret.ts')));
      await expect(openAudio(path)).rejects.toMatchObject({
        code: 'AUDIO_UNKNOWN_FORMAT',
        message: `${path} is in no format of sound or video known here`,
        hint: expect.stringContaining('playlists'),
      });
    });
  });

  test('GSM in a WAV, whose last block is filled up, is not damaged', async () => {
    using folder = temporaryFolder();
    const format = Buffer.alloc(20);
    for (const [i, value] of [49, 1, 8000, 0, 1625, 0, 65, 0, 2, 320].entries()) format.writeUInt16LE(value, 2 * i);
    const gsm = Buffer.concat([...Array<Buffer>(9).fill(Buffer.alloc(65)), Buffer.alloc(1)]);
    const body = Buffer.concat([Buffer.from('WAVE'), chunk('fmt ', format), chunk('data', gsm)]);
    const bytes = chunk('RIFF', body);
    for (const path of [folder.write('gsm.wav', bytes), '-']) {
      const warnings: string[] = [];
      const onWarning = (message: string) => warnings.push(message);
      const audio = await openAudio(path, { stdin: Readable.from([bytes]), onWarning });
      expect((await samplesOf(audio)).length).toBe(9 * 320 * 2);
      expect(warnings).toEqual([]);
    }
  });

  test.each([
    ['a.wav', ['-c:a', 'adpcm_ms']],
    ['a.wav', ['-c:a', 'libmp3lame']],
    ['a.au', []],
  ])('%s of %j that is cut short says so, and a whole one does not', async (name, args) => {
    using folder = temporaryFolder();
    const path = encode(folder, name, ...args, '-af', 'apad=pad_dur=4');
    const bytes = readFileSync(path);
    const warningsOf = async (file: string, options = {}) => {
      const warnings: string[] = [];
      const onWarning = (message: string) => warnings.push(message);
      await samplesOf(await openAudio(file, { onWarning, ...options }));
      return warnings;
    };
    expect(await warningsOf(path)).toEqual([]);
    const half = bytes.subarray(0, bytes.length / 2);
    const cut = folder.write(`cut-${name}`, half);
    expect((await warningsOf(cut)).join()).toMatch(/cut short: its header says \d\.\d\d s, it holds \d\.\d\d s/);
    expect((await warningsOf('-', { stdin: Readable.from([half]) })).join()).toContain('cut short');
  });

  test('a frame or two that are found in what is no sound are no recording', async () => {
    using folder = temporaryFolder();
    const random = Buffer.from(
      Array.from({ length: 40_000 }, (_, i) => (Math.imul(i * i + 7, 0x9e3779b1) >>> 13) & 0xff),
    );
    for (const [name, kept] of [
      ['a.aac', 100],
      ['a.mp3', 60],
    ] as const) {
      const head = readFileSync(encode(folder, name)).subarray(0, kept);
      const bytes = Buffer.concat([head, name === 'a.aac' ? random : Buffer.alloc(90_000)]);
      for (const path of [folder.write(`junk-${name}`, bytes), '-']) {
        const reading = openAudio(path, { stdin: Readable.from([bytes]) }).then(samplesOf);
        await expect(reading, path).rejects.toMatchObject({ name: 'AudioError' });
      }
    }
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
