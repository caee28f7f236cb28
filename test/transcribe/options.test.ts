import { describe, expect, test } from 'vitest';
import { resolveOptions, type TranscribeOptions, transcribeDefaults } from '../../src/transcribe/options.ts';

const speech = { model: {} } as NonNullable<TranscribeOptions['speech']>;

describe('options', () => {
  test('that are undefined are the defaults', () => {
    const options = {
      temperatures: undefined,
      beamSize: undefined,
      language: undefined,
    } as unknown as TranscribeOptions;
    expect(resolveOptions(options)).toEqual(transcribeDefaults);
  });

  test.each<[string, TranscribeOptions]>([
    ['no beams', { beamSize: 0 }],
    ['half a text', { bestOf: 0.5 }],
    ['no temperatures', { temperatures: [] }],
    ['cold ones', { temperatures: [0, -1] }],
    ['batches of what is not told apart', { batchSize: 4 }],
    ['clips where speech is looked for', { speech, clips: [{ startSeconds: 0 }] }],
    [
      'clips out of order',
      {
        clips: [
          { startSeconds: 20, endSeconds: 30 },
          { startSeconds: 0, endSeconds: 10 },
        ],
      },
    ],
    [
      'clips that overlap',
      {
        clips: [
          { startSeconds: 0, endSeconds: 30 },
          { startSeconds: 20, endSeconds: 40 },
        ],
      },
    ],
    ['a clip before the start', { clips: [{ startSeconds: -5, endSeconds: 3 }] }],
    ['a clip at no time', { clips: [{ startSeconds: Number.NaN }] }],
    ['a clip behind one without an end', { clips: [{ startSeconds: 1 }, { startSeconds: 9 }] }],
  ])('with %s are refused', (_, options) => {
    expect(() => resolveOptions(options)).toThrow(
      expect.objectContaining({ name: 'UsageError', code: 'OPTION_SENSELESS' }),
    );
  });
});
