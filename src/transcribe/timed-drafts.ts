import type { EncodedAudio } from '../backend/backend.ts';
import type { SpeechTimes } from '../vad/speech-times.ts';
import { cutAtSeams } from './cut-at-seams.ts';
import type { LoadedModel } from './loaded-model.ts';
import type { ResolvedOptions } from './options.ts';
import { advanceThroughSpeech, type Draft } from './slice-segments.ts';
import { type DecodedWindow, timeWords } from './window-segments.ts';

/**
 * A decoded window's segments with their times, and their words if they are asked for; and where the next window begins.
 *
 * @param times of a recording whose silence was taken out
 */
export async function timedDrafts(
  model: LoadedModel,
  audio: EncodedAudio,
  decoded: DecodedWindow,
  times: SpeechTimes | undefined,
  options: ResolvedOptions,
): Promise<{ readonly drafts: readonly Draft[]; readonly advance: number }> {
  const { sliced, range } = decoded;
  const timed = options.wordTimestamps ? await timeWords(model, audio, decoded, options) : sliced;
  if (times === undefined) return timed;
  return {
    drafts: await cutAtSeams(model, audio, { ...decoded, drafts: timed.drafts }, times, options),
    advance: advanceThroughSpeech(timed.advance, sliced, range, times),
  };
}
