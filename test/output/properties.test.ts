import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { CueLayout } from '../../src/output/cues.ts';
import { formatNames, formats } from '../../src/output/formats.ts';
import type { Segment, Word } from '../../src/transcribe/segment.ts';
import { segment, transcript } from './segments.ts';
import { type ParsedCue, parseSrt, parseVtt } from './subtitle-parser.ts';

/** What models and broken tokens may say: everything, and what is dangerous more often than chance has it. */
const text = fc
  .array(
    fc.oneof(
      fc.constantFrom(
        ' word',
        '東京',
        ' مرحبا',
        ' שלום',
        ' 👨‍👩‍👧',
        '\ud83d',
        '\udc00',
        '-->',
        '--',
        '>',
        '\n',
        '\n\n',
        '\r\n',
        '\t',
      ),
      fc.constantFrom('\0', '\x1b[2J', '\x85', '\u2028', '\ufeff', '"', '\\', ',', '<u>', '&', ' ', '[00:00.00]', 'é'),
      fc.string({ unit: 'binary', maxLength: 3 }),
      fc.string({ unit: fc.integer({ min: 0, max: 0xffff }).map((code) => String.fromCharCode(code)), maxLength: 3 }),
    ),
    { maxLength: 8 },
  )
  .map((parts) => parts.join(''));

/** Steps of time in seconds, mostly as Whisper makes them. */
const step = fc.oneof(fc.constantFrom(0, 0.02, 0.5, 0.0005, 3.1), fc.double({ min: 0, max: 4000, noNaN: true }));

const words = fc.array(fc.record({ pause: step, length: step, text, probability: fc.double({ min: 0, max: 1 }) }), {
  maxLength: 6,
});

const segments = fc
  .array(fc.record({ pause: step, length: step, text, words: fc.option(words, { nil: undefined }) }), { maxLength: 6 })
  .map((parts) => {
    let now = 0;
    return parts.map((part): Segment => {
      const start = now + part.pause;
      now = start;
      const spoken = part.words?.map(({ pause, length, ...word }): Word => {
        const startSeconds = now + pause;
        now = startSeconds + length;
        return { startSeconds, endSeconds: now, ...word };
      });
      now += part.length;
      return segment(start, now, part.text, spoken);
    });
  });

const size = (max: number) => fc.option(fc.integer({ min: 1, max }), { nil: undefined });
const layout: fc.Arbitrary<CueLayout> = fc.record({
  maxLineWidth: size(40),
  maxLineCount: size(3),
  maxWordsPerLine: size(4),
  highlightWords: fc.boolean(),
});

function expectInOrder(cues: readonly ParsedCue[]): void {
  let last = 0;
  for (const { startMs, endMs } of cues) {
    expect(startMs).toBeGreaterThanOrEqual(last);
    expect(endMs).toBeGreaterThanOrEqual(startMs);
    last = startMs;
  }
}

describe('whatever was said, however it is laid out', () => {
  test('every format is UTF-8 that a strict decoder reads back', () => {
    fc.assert(
      fc.property(segments, layout, (said, cueLayout) => {
        for (const name of formatNames) {
          const content = formats[name](transcript(...said), cueLayout);
          const decoded = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(Buffer.from(content));
          expect(decoded).toBe(content);
        }
      }),
    );
  });

  test('srt and vtt parse, their cues are in order, and both say the same', () => {
    fc.assert(
      fc.property(segments, layout, (said, cueLayout) => {
        const srt = parseSrt(formats.srt(transcript(...said), cueLayout));
        const vtt = parseVtt(formats.vtt(transcript(...said), cueLayout));
        expectInOrder(srt);
        expect(vtt).toEqual(srt);
      }),
    );
  });

  test('cues of words follow one another, and each is seen', () => {
    fc.assert(
      fc.property(segments, layout, (said, cueLayout) => {
        if (said.every((piece) => piece.words === undefined)) return;
        let last = 0;
        for (const { startMs, endMs } of parseSrt(formats.srt(transcript(...said), cueLayout))) {
          expect(startMs).toBeGreaterThanOrEqual(last);
          expect(endMs - startMs).toBeGreaterThanOrEqual(99); // 0.1 s, rounded at both ends
          last = endMs;
        }
      }),
    );
  });

  test('json parses to what was said, and is ASCII', () => {
    fc.assert(
      fc.property(segments, (said) => {
        const content = formats.json(transcript(...said), {});
        expect(content).toMatch(/^[ -~]*$/);
        const parsed = JSON.parse(content) as {
          text: string;
          segments: { text: string; start: number; end: number }[];
        };
        expect(parsed.segments.map(({ start, end }) => [start, end])).toEqual(
          said.map(({ startSeconds, endSeconds }) => [startSeconds, endSeconds]),
        );
        const whole = (piece: string) => piece.replace(/\p{Surrogate}/gu, '\ufffd');
        expect(parsed.segments.map((piece) => piece.text)).toEqual(said.map((piece) => whole(piece.text)));
      }),
    );
  });

  test('txt, tsv, csv and lrc have one line per segment that says something', () => {
    fc.assert(
      fc.property(segments, (said) => {
        const content = (name: 'txt' | 'tsv' | 'csv' | 'lrc') =>
          formats[name](transcript(...said), {})
            .split('\n')
            .slice(0, -1);
        const txt = content('txt');
        expect(txt.every((line) => line.trim() !== '')).toBe(true);
        expect(content('tsv')).toHaveLength(txt.length + 1);
        expect(content('tsv').every((row) => row.split('\t').length === 3)).toBe(true);
        expect(
          content('csv')
            .slice(1)
            .every((row) => /^\d+,\d+,"([^"]|"")*"$/.test(row)),
        ).toBe(true);
        expect(content('csv')).toHaveLength(txt.length + 1);
        expect(
          content('lrc')
            .slice(1)
            .every((row) => /^\[\d{2,}:[0-5]\d\.\d\d\]/.test(row)),
        ).toBe(true);
        expect(content('lrc')).toHaveLength(txt.length + 1);
      }),
    );
  });

  test('cues keep every word: taken together they are the text', () => {
    fc.assert(
      fc.property(segments, layout, (said, cueLayout) => {
        const letters = (content: string) => content.replace(/[^\p{L}]/gu, '');
        const hasWords = said.some((piece) => piece.words !== undefined);
        const pieces = said.flatMap((piece): readonly { text: string }[] =>
          hasWords && piece.words?.length ? piece.words : [piece],
        );
        const cues = parseSrt(formats.srt(transcript(...said), { ...cueLayout, highlightWords: false }));
        expect(letters(cues.flatMap(({ lines }) => lines).join(''))).toBe(
          pieces.map((piece) => letters(piece.text)).join(''), // one by one: halves of a character must not meet
        );
      }),
    );
  });
});
