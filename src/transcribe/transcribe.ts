import { nSamples } from '../features/log-mel.ts';
import type { LoadedModel } from './loaded-model.ts';
import { LogMelSource, type Recording, type Survey, survey } from './log-mel-source.ts';
import { type ResolvedOptions, resolveOptions, type TranscribeOptions } from './options.ts';
import { transcribePlainly } from './plain.ts';
import type { Segment } from './segment.ts';
import { type FrameClip, transcribeSequentially } from './sequential.ts';
import { framesPerSecond } from './slice-segments.ts';

/**
 * Transcribes a recording, giving segments as they are decoded.
 *
 * Up to 30 s, without timestamps, it gives what transformers' `generate(language, task)` does; everything else follows
 * openai/whisper's `transcribe`.
 */
export async function* transcribe(
  model: LoadedModel,
  recording: Recording,
  given: TranscribeOptions = {},
): AsyncGenerator<Segment> {
  const options = resolveOptions(given);
  const { nMels } = model.backend.dimensions;
  const surveyed = await survey(recording, nMels, options.signal);
  if (surveyed.sampleCount === 0) return;
  if (isPlain(surveyed, options)) {
    yield* transcribePlainly(model, surveyed.beginning, options);
    return;
  }
  await using source = new LogMelSource(recording, surveyed, nMels);
  const { frameCount } = surveyed;
  yield* transcribeSequentially(model, { source, frameCount }, frameClips(options, frameCount), options);
}

/** Whether the recording is one window of which nobody wants to know more than the text. */
function isPlain({ sampleCount }: Survey, options: ResolvedOptions): boolean {
  const { timestamps = false, wordTimestamps, clips, languagePerWindow } = options;
  return sampleCount <= nSamples && !timestamps && !wordTimestamps && !languagePerWindow && clips === undefined;
}

/** The clips asked for, within the recording and in its order. */
function frameClips({ clips }: ResolvedOptions, frameCount: number): FrameClip[] {
  if (clips === undefined) return [{ start: 0, end: frameCount }];
  const frame = (seconds: number) => Math.min(Math.round(seconds * framesPerSecond), frameCount);
  return clips.map(({ startSeconds, endSeconds = Infinity }) => ({
    start: frame(startSeconds),
    end: endSeconds === Infinity ? frameCount : frame(endSeconds),
  }));
}
