import { describe, expect, test } from 'vitest';
import { type FormatName, formats } from '../../src/output/formats.ts';
import type { Segment } from '../../src/transcribe/segment.ts';
import { segment, transcript } from './segments.ts';

const write = (format: FormatName, ...segments: readonly Segment[]) => formats[format](transcript(...segments), {});

const greeting = segment(0, 4.86, ' Hello, "you" there.');
const late = segment(3661.5, 3662.0005, '  one\ttwo --> three ');

describe('each format writes its bytes', () => {
  test('txt: a line per segment, trimmed', () => {
    expect(write('txt', greeting, late)).toBe('Hello, "you" there.\none\ttwo --> three\n');
  });

  test('srt: numbers, hours, commas, no arrow in the text', () => {
    expect(write('srt', greeting, late)).toBe(
      '1\n00:00:00,000 --> 00:00:04,860\nHello, "you" there.\n\n2\n01:01:01,500 --> 01:01:02,000\none\ttwo -> three\n\n',
    );
  });

  test('vtt: hours only where there are any', () => {
    expect(write('vtt', greeting, late)).toBe(
      'WEBVTT\n\n00:00.000 --> 00:04.860\nHello, "you" there.\n\n01:01:01.500 --> 01:01:02.000\none\ttwo -> three\n\n',
    );
  });

  test('vtt: nothing that was said is a mark or a reference; our own marks stay', () => {
    const words = [
      { text: ' R&D', startSeconds: 0, endSeconds: 1, probability: 1 },
      { text: ' <i>&lt;', startSeconds: 1, endSeconds: 2, probability: 1 },
    ];
    const said = segment(0, 2, ' R&D <i>&lt;');
    expect(write('vtt', said)).toContain('\nR&amp;D &lt;i>&amp;lt;\n');
    expect(write('srt', said)).toContain('\nR&D <i>&lt;\n');
    const layout = { highlightWords: true, maxLineWidth: 12, maxLineCount: 1 };
    expect(formats.vtt(transcript({ ...said, words }), layout)).toBe(
      'WEBVTT\n\n00:00.000 --> 00:01.000\n<u>R&amp;D</u> &lt;i>&amp;lt;\n\n00:01.000 --> 00:02.000\nR&amp;D <u>&lt;i>&amp;lt;</u>\n\n',
    );
  });

  test('tsv: whole milliseconds, no tab in the text', () => {
    expect(write('tsv', greeting, late)).toBe(
      'start\tend\ttext\n0\t4860\tHello, "you" there.\n3661500\t3662000\tone two --> three\n',
    );
  });

  test('csv: quotes doubled', () => {
    expect(write('csv', greeting)).toBe('start,end,text\n0,4860,"Hello, ""you"" there."\n');
  });

  test('lrc: minutes go on beyond the hour', () => {
    expect(write('lrc', greeting, late)).toBe(
      '[by:whisper-npu]\n[00:00.00]Hello, "you" there.\n[61:01.50]one\ttwo --> three\n',
    );
  });

  test('json: the fields of openai/whisper first, as Python writes them', () => {
    const words = [{ text: ' héllo', startSeconds: 0, endSeconds: 1.5, probability: 1 }];
    expect(write('json', segment(0, 1.5, ' héllo', words))).toBe(
      '{"text": " h\\u00e9llo", "segments": [{"id": 0, "seek": 0, "start": 0.0, "end": 1.5, "text": " h\\u00e9llo", ' +
        '"tokens": [50364, 2425, 50464], "temperature": 0.0, "avg_logprob": -0.25, "compression_ratio": 1.5, ' +
        '"no_speech_prob": 1e-07, "words": [{"word": " h\\u00e9llo", "start": 0.0, "end": 1.5, "probability": 1.0}]}], ' +
        '"language": "en", "task": "transcribe", "duration": 61.5, "file": "talk.wav", "model": "whisper-base", ' +
        '"device": "CPU, 2 threads"}',
    );
  });

  test('json: a segment in another language says so, and the text joins without spaces of its own', () => {
    const parsed = JSON.parse(write('json', segment(0, 1, '東京は'), { ...segment(1, 2, '首都'), language: 'ja' }));
    expect(parsed.text).toBe('東京は首都');
    expect(parsed.segments[0]).not.toHaveProperty('language');
    expect(parsed.segments[1].language).toBe('ja');
  });
});

describe('nothing was said', () => {
  test.each<[FormatName, string]>([
    ['txt', ''],
    ['srt', ''],
    ['vtt', 'WEBVTT\n\n'],
    ['tsv', 'start\tend\ttext\n'],
    ['csv', 'start,end,text\n'],
    ['lrc', '[by:whisper-npu]\n'],
  ])('%s is empty but for what it begins with', (format, content) => {
    expect(write(format)).toBe(content);
    expect(write(format, segment(1, 2, ' \n \0'))).toBe(content);
  });
});
