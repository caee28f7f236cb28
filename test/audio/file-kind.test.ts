import { describe, expect, test } from 'vitest';
import { fileKind } from '../../src/audio/file-kind.ts';
import { fixture } from '../support/fixtures.ts';
import { openPiped, wavBytes } from './wav-bytes.ts';

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
    ['text', Buffer.from('<!doctype html>')],
    ['text', Buffer.from('\ufeff#EXTM3U\nhttp://example.org/a.ts\n')],
    ['text', Buffer.from("ffconcat version 1.0\r\nfile '/etc/passwd'\r\n")],
  ])('%s, which is not decoded here', (label, bytes) => {
    expect(fileKind(bytes)).toEqual(expect.objectContaining({ label }));
    expect(fileKind(bytes)?.native).toBeUndefined();
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
