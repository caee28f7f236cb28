import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { deflateRawSync, gzipSync } from 'node:zlib';
import { describe, expect, test } from 'vitest';
import { crc8, crc16 } from '../../src/audio/formats/crc.ts';
import { temporaryFolder } from '../support/temporary.ts';
import {
  errorOf,
  expectNothingKept,
  formWith,
  scriptedPool,
  sendRaw,
  startServer,
  transcribeAt,
} from './support/test-server.ts';

const sample = readFileSync('samples/espeak-en-16k.wav');
const isFfmpegThere = spawnSync('ffmpeg', ['-version']).status === 0;
const oneMinute = { maxDurationSeconds: 60 };
const tooLong = { status: 413, code: 'recording_too_long', param: 'file' };

/** A FLAC of silence at 16 kHz, a frame of which has 65,535 samples in 16 bytes. */
function silentFlac(seconds: number): Uint8Array<ArrayBuffer> {
  const frames = Math.ceil((seconds * 16_000) / 65_535);
  const info = Buffer.alloc(42);
  info.write('fLaC');
  info[4] = 0x80; // the last block of metadata, about the stream
  info[7] = 34;
  info.writeUInt16BE(65_535, 8);
  info.writeUInt16BE(65_535, 10);
  // 20 bits of rate, 3 of channels less one, 5 of bits less one, 36 of samples, which may be unknown
  info.writeUInt32BE((16_000 << 12) | (15 << 4), 18);
  const parts: Buffer[] = [info];
  for (let i = 0; i < frames; i++) {
    const number =
      i < 0x80
        ? [i]
        : i < 0x800
          ? [0xc0 | (i >> 6), 0x80 | (i & 63)]
          : [0xe0 | (i >> 12), 0x80 | ((i >> 6) & 63), 0x80 | (i & 63)];
    const head = Buffer.from([0xff, 0xf8, 0x75, 0x08, ...number, 0xff, 0xfe]);
    const body = Buffer.concat([head, Buffer.from([crc8(head, 0, head.length), 0, 0, 0])]);
    const check = Buffer.alloc(2);
    check.writeUInt16BE(crc16(body, 0, body.length));
    parts.push(body, check);
  }
  return new Uint8Array(Buffer.concat(parts));
}

/** A WAV whose header says other things than the sample's. */
function wavThat(change: (header: Buffer) => void): Uint8Array<ArrayBuffer> {
  const bytes = Buffer.from(sample);
  change(bytes);
  return new Uint8Array(bytes);
}

/** A video of a second with the sample as its sound, which begins two hours later. */
function lateSound(kind: 'mkv' | 'mp4'): Uint8Array<ArrayBuffer> {
  const path = join(temporaryFolder(), `late.${kind}`);
  const picture = ['-f', 'lavfi', '-t', '1', '-i', 'color=s=16x16:r=1'];
  const sound = ['-itsoffset', '7200', '-i', 'samples/espeak-en-16k.wav'];
  const args = [...picture, ...sound, '-c:v', 'mpeg4', '-c:a', 'aac', '-b:a', '24k', path];
  const { status, stderr } = spawnSync('ffmpeg', ['-nostdin', '-loglevel', 'error', ...args]);
  if (status !== 0) throw new Error(String(stderr));
  return new Uint8Array(readFileSync(path));
}

/** A zip of a file that says that it has so many bytes, and whose bytes inflate to many. */
function zipBomb(): Uint8Array<ArrayBuffer> {
  const data = deflateRawSync(Buffer.alloc(10_000_000));
  const head = Buffer.alloc(30 + 5);
  head.writeUInt32LE(0x04034b50, 0);
  head.writeUInt16LE(8, 8);
  head.writeUInt32LE(data.length, 18);
  head.writeUInt32LE(0xffff_fff0, 22);
  head.writeUInt16LE(5, 26);
  head.write('a.wav', 30);
  return new Uint8Array(Buffer.concat([head, data]));
}

describe('a recording that is far longer than its bytes', () => {
  test('as FLAC, ten hours in 140 kB, is refused when it has gone on for too long', async () => {
    const bomb = silentFlac(36_000);
    expect(bomb.length).toBeLessThan(200_000);
    const started = await startServer(scriptedPool(), oneMinute);
    expect(await errorOf(await transcribeAt(started.url, formWith(bomb)))).toMatchObject(tooLong);
    await expectNothingKept(started, 1);
    const { url } = await startServer(scriptedPool());
    expect((await transcribeAt(url, formWith(silentFlac(120)))).status).toBe(200);
  });

  test.skipIf(!isFfmpegThere).each(['mkv', 'mp4'] as const)(
    'as %s whose sound begins after two hours is refused',
    async (kind) => {
      const bomb = lateSound(kind);
      expect(bomb.length).toBeLessThan(200_000);
      const started = await startServer(scriptedPool(), oneMinute);
      expect(await errorOf(await transcribeAt(started.url, formWith(bomb)))).toMatchObject(tooLong);
      await expectNothingKept(started, 1);
    },
  );

  test('as WAV with few samples a second is refused', async () => {
    const { url } = await startServer(scriptedPool(), oneMinute);
    for (const [rate, status] of [
      [1, 400],
      [0, 400],
      [1000, 413],
    ] as const) {
      const slow = wavThat((header) => header.writeUInt32LE(rate, 24));
      expect((await errorOf(await transcribeAt(url, formWith(slow)))).status, String(rate)).toBe(status);
    }
  });
});

test('a WAV that says that it has hours has what there is of it', async () => {
  const started = await startServer(scriptedPool(), oneMinute);
  for (const bytes of [0xffff_ffff, 0x7fff_fffe]) {
    const claims = wavThat((header) => {
      header.writeUInt32LE(bytes, 4);
      header.writeUInt32LE(bytes, 40);
    });
    expect((await transcribeAt(started.url, formWith(claims))).status).toBe(200);
  }
  await expect.poll(() => started.answered.length).toBe(2);
  for (const { facts } of started.answered) expect(facts.audioSeconds).toBeLessThan(6);
});

test('archives are not unpacked, and bodies not inflated', async () => {
  const started = await startServer(scriptedPool());
  expect(await errorOf(await transcribeAt(started.url, formWith(zipBomb())))).toMatchObject({
    status: 400,
    param: 'file',
  });
  const gzip = new Uint8Array(gzipSync(Buffer.alloc(10_000_000)));
  expect(await errorOf(await transcribeAt(started.url, formWith(gzip)))).toMatchObject({ status: 400, param: 'file' });
  const head = `POST /v1/audio/transcriptions HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Type: multipart/form-data; boundary=b\r\nContent-Encoding: gzip\r\nContent-Length: ${gzip.length}\r\n\r\n`;
  expect(await sendRaw(started.url, head, gzip)).toMatch(/^HTTP\/1\.1 400 /);
  await expectNothingKept(started, 3);
});
