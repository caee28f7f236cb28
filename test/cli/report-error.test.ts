import { Writable } from 'node:stream';
import { expect, test } from 'vitest';
import { errorJson, printError } from '../../src/cli/report-error.ts';
import { AudioError } from '../../src/errors.ts';

function printed(error: unknown): string {
  let text = '';
  const stream = new Writable({
    write(chunk, _, done) {
      text += String(chunk);
      done();
    },
  });
  printError(error, stream as unknown as NodeJS.WriteStream);
  return text;
}

test('an error is two lines, whatever it quotes', () => {
  const error = new AudioError('X', 'a\x1b[31m\n.wav is damaged', { hint: 'rename a\n.wav' });
  expect(printed(error)).toBe('error: a\\u001b[31m\\n.wav is damaged [X]\nhint: rename a\\n.wav\n');
});

test('an error that nobody foresaw is its message on one line, and where it comes from', () => {
  const lines = printed(new TypeError('a\x1b[31m\nerror: b')).split('\n');
  expect(lines[0]).toBe('error: TypeError: a\\u001b[31m\\nerror: b');
  expect(lines[1]).toMatch(/^ {4}at .*report-error\.test\.ts/);
  expect(lines.at(-2)).toMatch(/fault in whisper-npu/);
  expect(printed('a\x1b\n')).toMatch(/^error: a\\u001b\\n\n/);
});

test('programs get the name as it is', () => {
  const path = 'a\x1b[31m\n.wav';
  expect(JSON.parse(errorJson(new AudioError('X', `${path} is damaged`), path))).toMatchObject({ file: path });
});
