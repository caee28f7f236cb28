import { describe, expect, test } from 'vitest';
import { fileKind } from '../../src/audio/file-kind.ts';
import { findFrames, frameHeader } from '../../src/audio/formats/mp3-header.ts';
import { fixture } from '../support/fixtures.ts';
import { openPiped, wavBytes } from './wav-bytes.ts';

/** Transport packets of MPEG audio. */
function packets(packetBytes: number, offset: number): Buffer {
  const mp3 = fixture('espeak-en.mp3');
  return Buffer.concat(
    Array.from({ length: 40 }, (_, i) => {
      const packet = Buffer.alloc(packetBytes, mp3.subarray(i * packetBytes, (i + 1) * packetBytes));
      packet[offset] = 0x47;
      return packet;
    }),
  );
}

describe('content tells', () => {
  test.each(['mp3', 'flac'] as const)('%s', (kind) => {
    expect(fileKind(fixture(`espeak-en.${kind}`).subarray(0, 8192))?.native).toBe(kind);
  });
  test.each(['ogg', 'opus'])('Ogg: .%s', (name) => {
    expect(fileKind(fixture(`espeak-en.${name}`).subarray(0, 8192))?.native).toBe('ogg');
  });
  test('WAV, however long its size fields are', () => {
    for (const container of ['RIFF', 'RF64', 'BW64']) expect(fileKind(wavBytes({ container }))?.native).toBe('wav');
  });
  test('an MP3 behind junk', () => {
    const junk = Buffer.alloc(40_000, '\xff\xfb\x90 almost a frame', 'latin1');
    expect(fileKind(Buffer.concat([junk, fixture('espeak-en.mp3')]))?.native).toBe('mp3');
  });

  test.each([
    ['AAC', Buffer.from('fff15080', 'hex')],
    ['MP4 (m4a)', Buffer.from('\0\0\0\x20ftypM4A ')],
    ['AVI', Buffer.from('RIFF\0\0\0\0AVI ')],
    ['big-endian WAV (RIFX)', Buffer.from('RIFX\0\0\0\0WAVE')],
    ['Ogg Speex', Buffer.from('OggS\0\x02\0\0\0\0\0\0\0\0Speex   1.2')],
    ['MPEG program stream', Buffer.concat([Buffer.of(0, 0, 1, 0xba), fixture('espeak-en.mp3')])],
    ['MPEG transport stream', packets(188, 0)],
    ['MPEG transport stream', packets(192, 4)],
    ['MPEG transport stream', packets(204, 0)],
    ['QuickTime', Buffer.concat([Buffer.from('\0\0\0\x08wide\0\0\0\0mdat'), fixture('espeak-en.mp3')])],
    ['FLV', Buffer.concat([Buffer.from('FLV\x01\x04\0\0\0\x09'), fixture('espeak-en.mp3')])],
    ['IRCAM', Buffer.concat([Buffer.of(0x64, 0xa3, 3, 0), Buffer.alloc(60)])],
    ['AVR', Buffer.from('2BIT\0\0\0\0\0\0\0\0')],
    ['PAF', Buffer.from(' paf\0\0\0\0\0\0\0\0')],
    ['a picture', Buffer.from('\0\0\0\x18ftypheic\0\0\0\0mif1')],
    ['NIST SPHERE', Buffer.from(`NIST_1A\n   1024\n${'sample_rate -i 16000\n'.repeat(40)}`)],
    ['text', Buffer.from(`The free software ${'and so on '.repeat(20)}`)],
    ['text', Buffer.from('<!doctype html>')],
    ['text', Buffer.from('\ufeff#EXTM3U\nhttp://example.org/a.ts\n')],
    ['text', Buffer.from("ffconcat version 1.0\r\nfile '/etc/passwd'\r\n")],
  ])('%s, which is not decoded here', (label, bytes) => {
    expect(fileKind(bytes)).toEqual(expect.objectContaining({ label }));
    expect(fileKind(bytes)?.native).toBeUndefined();
  });

  test('that frames of MPEG audio in pieces are of some container', () => {
    const mp3 = fixture('espeak-en.mp3');
    const from = findFrames(mp3, 3) ?? 0;
    const pieces: Buffer[] = [];
    for (let start = from, end = from; start < mp3.length; start = end) {
      for (let n = 0; n < 20; n++) end += frameHeader(mp3, end)?.frameBytes ?? mp3.length;
      pieces.push(Buffer.from('between two pieces'), mp3.subarray(start, end));
    }
    expect(fileKind(Buffer.concat(pieces))).toBeUndefined();
  });

  test('nothing in noise', () => {
    expect(fileKind(Buffer.alloc(100, 7))).toBeUndefined();
  });
});

describe('what is not decoded here', () => {
  test('takes ffmpeg, and says so where there is none', async () => {
    await expect(openPiped(Buffer.from('\0\0\0\x20ftypM4A '))).rejects.toMatchObject({
      code: 'AUDIO_NEEDS_FFMPEG',
      message: expect.stringMatching(/^stdin is MP4 \(m4a\), which takes ffmpeg to decode, and .* cannot be run/),
      hint: expect.stringContaining('install ffmpeg'),
    });
    await expect(openPiped(Buffer.alloc(100, 7))).rejects.toMatchObject({
      message: expect.stringContaining('stdin is in no format known here'),
    });
  });

  test('is never handed on when it is text: a playlist names files and addresses', async () => {
    for (const text of ['#EXTM3U\nhttp://example.org/a.ts\n', '{"name": "whisper-npu"}'])
      await expect(openPiped(Buffer.from(text))).rejects.toMatchObject({
        code: 'AUDIO_UNKNOWN_FORMAT',
        message: 'stdin is no audio: it looks like text',
      });
  });

  test('may be nothing at all', async () => {
    await expect(openPiped(Buffer.alloc(0))).rejects.toMatchObject({ code: 'AUDIO_EMPTY', message: 'stdin is empty' });
  });
});
