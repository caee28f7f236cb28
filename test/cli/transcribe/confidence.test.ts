import { describe, expect, test } from 'vitest';
import { colorDepth, coloredByConfidence } from '../../../src/cli/transcribe/confidence.ts';
import { segment } from '../../output/segments.ts';

const word = (text: string, probability: number) => ({ text, probability, startSeconds: 0, endSeconds: 1 });
const said = segment(0, 1, ' sure not so', [word(' sure', 1), word(' not', 0), word(' so', 0.8)]);

describe('confidence', () => {
  test('colours each word from red to green and leaves the spaces', () => {
    expect(coloredByConfidence(said, 256)).toBe(
      '\x1b[38;5;46msure\x1b[39m \x1b[38;5;196mnot\x1b[39m \x1b[38;5;226mso\x1b[39m',
    );
    expect(coloredByConfidence(said, 16)).toBe('\x1b[32msure\x1b[39m \x1b[31mnot\x1b[39m \x1b[33mso\x1b[39m');
  });

  test('colours the whole where there are no words, by the mean of its tokens', () => {
    expect(coloredByConfidence({ ...segment(0, 1, ' all of it'), avgLogprob: -10 }, 16)).toBe(
      '\x1b[31mall of it\x1b[39m',
    );
  });

  test('without colours is the text, and never what steers a terminal', () => {
    expect(coloredByConfidence(said, 0)).toBe('sure not so');
    expect(coloredByConfidence(segment(0, 1, ' a\x1b[2Jb\n$& '), 16)).toBe('\x1b[33ma [2Jb $&\x1b[39m');
  });
});

describe('colours are shown', () => {
  const stream = (isTTY: boolean, nColors: number) =>
    ({ isTTY, hasColors: (count = 16) => count <= nColors }) as unknown as NodeJS.WriteStream;

  test.each([
    ['in a pipe', stream(false, 2 ** 24), 0],
    ['on a terminal that is told not to (NO_COLOR)', stream(true, 1), 0],
    ['on an old terminal', stream(true, 16), 16],
    ['on a common one', stream(true, 256), 256],
  ])('%s', (_, where, depth) => {
    expect(colorDepth(where)).toBe(depth);
  });
});
