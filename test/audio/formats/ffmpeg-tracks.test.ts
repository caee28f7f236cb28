import { describe, expect, test } from 'vitest';
import { chooseTrack, listed, soundTracks, type Track } from '../../../src/audio/formats/ffmpeg-tracks.ts';

const track = (language?: string, isDefault = false): Track => ({ language, isDefault });

test('tracks of sound are found in what ffmpeg says of its input, and nowhere else', () => {
  const said = [
    "[info] Input #0, mpegts, from 'file:/tmp/a.ts':",
    '[info]   Program 1 ',
    '[info]   Stream #0:2[0x102](eng): Audio: mp2 ([3][0][0][0] / 0x0003), 48000 Hz, stereo, fltp, 192 kb/s (clean effects)',
    '[info]   Stream #0:1[0x101](deu): Audio: aac (LC), 22050 Hz, mono, fltp (default)',
    '[info]   Program 2 ',
    '[info]   Stream #0:0[0x100]: Video: h264, yuv420p (default)',
    '[info]   Stream #0:1[0x101](deu): Audio: aac (LC), 22050 Hz, mono, fltp (default)',
    '[info]   Stream #0:10(und): Audio: aac',
    '[info]       title           : Stream #0:7(fra): Audio: of a title',
    '[info] Stream mapping:',
    '[info]   Stream #0:1 -> #0:0 (aac (native) -> pcm_f32le (native))',
    "[info] Output #0, wav, to 'pipe:1':",
    '[info]   Stream #0:0: Audio: pcm_f32le, 22050 Hz, mono, flt, 705 kb/s (default)',
  ];
  expect(soundTracks(said)).toEqual([track('deu', true), track('eng'), track(undefined)]);
});

describe('a track is chosen', () => {
  test.each<[string, readonly Track[], number | string | undefined, number]>([
    ['the default one', [track('deu'), track('eng', true)], undefined, 1],
    ['the first of several default ones', [track('deu', true), track('eng', true)], undefined, 0],
    ['the first where none is', [track(), track()], undefined, 0],
    ['by number', [track('deu', true), track('eng')], 2, 1],
    ['by language, in letters of two or three', [track('ger', true), track('eng')], 'en', 1],
    ['by language, rather a default one', [track('eng'), track('deu'), track('en-US', true)], 'en', 2],
    ['by another code', [track('eng'), track('nob')], 'no', 1],
    ['by a code that is no longer in use', [track('eng'), track('jav')], 'jw', 1],
    ['the only one, if it does not say what it is', [track()], 'de', 0],
  ])('%s', (_, tracks, wanted, index) => {
    expect(chooseTrack(tracks, wanted, 'a.mkv')).toBe(index);
  });

  test.each<[readonly Track[], number | string, string, string]>([
    [[track('deu'), track('eng', true)], 3, 'a.mkv has no track 3 of sound', 'it has 1 (deu) and 2 (eng, default)'],
    [[track(), track('?')], 'de', 'a.mkv has no track of sound that says it is in de', 'it has 1 and 2 (?)'],
    [
      [track('deu')],
      'en',
      'a.mkv has no track of sound that says it is in en',
      'it has one track: leave the choice out',
    ],
  ])('or told not to be there', (tracks, wanted, message, hint) => {
    expect(() => chooseTrack(tracks, wanted, 'a.mkv')).toThrow(
      expect.objectContaining({ code: 'AUDIO_NO_TRACK', message, hint }),
    );
  });
});

test('several are listed as a sentence has them', () => {
  expect(listed([track('deu'), track(), track('eng', true)])).toBe('1 (deu), 2 and 3 (eng, default)');
});
