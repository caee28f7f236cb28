import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { ModelError, NpuError } from '../src/errors.ts';
import { printable, printableLines, printableSpeech } from '../src/printable.ts';

/** Whatever makes a terminal do something, or turns around what it shows. */
const active = /[\p{Cc}\u061c\u200e\u200f\u2028\u2029\u202a-\u202e\u2066-\u2069]/u;

describe('printable', () => {
  test.each([
    ['a\x1b[31mb.wav', 'a\\u001b[31mb.wav'],
    ['a\nerror: b', 'a\\nerror: b'],
    ['a\r\tb', 'a\\r\\tb'],
    ['\x07\x7f\x80\x9b', '\\u0007\\u007f\\u0080\\u009b'],
    ['gpj.\u202e\u2066exe', 'gpj.\\u202e\\u2066exe'],
    ['\u2028\u2029\u200e\u200f', '\\u2028\\u2029\\u200e\\u200f'],
    ['Grüße, 講演 🎤 می‌خواهم', 'Grüße, 講演 🎤 می‌خواهم'],
  ])('%j is shown as %j', (text, shown) => {
    expect(printable(text)).toBe(shown);
  });

  test('leaves nothing active in any text, and all of a text that has none', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (text) => {
        expect(printable(text)).not.toMatch(active);
        if (!active.test(text)) expect(printable(text)).toBe(text);
      }),
    );
  });
});

test('lines and columns that are meant stay', () => {
  expect(printableLines('a\tb\n\x1b[2Jc\r\n')).toBe('a\tb\n\\u001b[2Jc\\r\n');
});

test('JSON stays the same JSON', () => {
  const value = { file: 'a\x9b\u202e\x1b\n.wav' };
  expect(JSON.parse(printableLines(JSON.stringify(value)))).toEqual(value);
});

test('of speech the words are left', () => {
  expect(printableSpeech(' he\x1b[31mllo\u202e\tthere\x07\n')).toBe(' he[31mllo\tthere\n');
});

describe('an error', () => {
  test('quotes names and words from elsewhere on one line', () => {
    const error = new ModelError('X', 'a\x1b[2J\nb: damaged', { hint: 'look at a\x1b\nb' });
    expect(error.message).toBe('a\\u001b[2J\\nb: damaged');
    expect(error.hint).toBe('look at a\\u001b\\nb');
    expect(String(error.stack)).not.toContain('\x1b');
  });

  test('has more lines where it is made of more', () => {
    expect(new ModelError('X', ['all failed:', 'a\nb', 'c']).message).toBe('all failed:\n  a\\nb\n  c');
  });

  test('of ACL keeps the lines of its own explanation', () => {
    const message = 'aclInit failed with 1: EZ9999\n\tTraceBack\x1b';
    const error = new NpuError('NPU_FAILED', message, { aclFunction: 'aclInit' });
    expect(error.message).toBe('aclInit failed with 1: EZ9999\n  TraceBack\\u001b');
  });
});
