import { Writable } from 'node:stream';
import { styleText } from 'node:util';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { openTerminal } from '../../src/cli/terminal.ts';

function fakeStream(isTTY: boolean) {
  const written: string[] = [];
  const stream = new Writable({
    decodeStrings: false,
    write(text, _, done) {
      written.push(String(text));
      done();
    },
  });
  return { stream: Object.assign(stream, { isTTY, columns: 60 }) as unknown as NodeJS.WriteStream, written };
}

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

const status = () => ({ share: 0.5, text: '50 %, 0:10 left', name: 'talks/講演の録音その一その二その三その四.wav' });

describe('on a terminal', () => {
  test('a status is drawn over itself, and its name is cut before the line wraps', () => {
    const { stream, written } = fakeStream(true);
    const terminal = openTerminal(stream, false);
    terminal.status(status);
    const line = written.join('').replace('\r\x1b[K', '');
    expect(line).toMatch(/^█{12}░{12} 50 %, 0:10 left {2}talks\/講/);
    const columns = [...line].reduce((sum, character) => sum + (/[\u3000-\u9fff]/.test(character) ? 2 : 1), 0);
    expect(columns).toBeLessThan(60);
  });

  test('it is drawn ten times a second at most, and again at once when a note has cleared it', () => {
    const { stream, written } = fakeStream(true);
    const terminal = openTerminal(stream, false);
    terminal.status(status);
    terminal.status(status);
    expect(written).toHaveLength(1);
    terminal.note('done');
    terminal.status(status);
    expect(written.slice(1, 3)).toEqual(['\r\x1b[K', 'done\n']);
    expect(written).toHaveLength(4);
    vi.advanceTimersByTime(100);
    terminal.status(status);
    expect(written).toHaveLength(5);
  });
});

test.each([true, false])('what is quoted from elsewhere cannot move the cursor (a terminal: %s)', (isTTY) => {
  const { stream, written } = fakeStream(isTTY);
  const terminal = openTerminal(stream, false);
  const name = 'a\x1b[2J\nerror: b\u202e';
  terminal.note(name);
  terminal.warn(name, [name]);
  terminal.progress(name, 1, 2);
  vi.advanceTimersByTime(30_000);
  terminal.status(() => ({ share: 0.5, text: 'half', name }));
  const shown = 'a\\u001b[2J\\nerror: b\\u202e';
  const text = written
    .join('')
    .replaceAll('\r\x1b[K', '')
    .replace(styleText('yellow', 'warning:', { stream }), '');
  expect(text.split(shown)).toHaveLength(6);
  expect(text.replaceAll('\n', '')).not.toMatch(/[\p{Cc}\u202e]/u);
  expect(text).not.toMatch(/^error:/m);
});

describe('in a log', () => {
  test('a status is a line every half minute', () => {
    const { stream, written } = fakeStream(false);
    const terminal = openTerminal(stream, false);
    terminal.status(status);
    expect(written).toEqual([]);
    vi.advanceTimersByTime(30_000);
    terminal.status(status);
    terminal.status(status);
    expect(written).toEqual([`${status().name}: 50 %, 0:10 left\n`]);
  });

  test('--quiet leaves out all but warnings', () => {
    const { stream, written } = fakeStream(false);
    const terminal = openTerminal(stream, true);
    vi.advanceTimersByTime(30_000);
    terminal.status(status);
    terminal.note('a note');
    terminal.warn('a warning');
    expect(written).toEqual([expect.stringContaining('a warning')]);
  });
});
