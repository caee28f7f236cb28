import { longestSilentSeconds } from '../audio/windows.ts';
import { nSamples, sampleRate } from '../features/log-mel.ts';
import { speechChunks, speechSpans, type TimeSpan } from '../vad/speech-chunks.ts';
import type { SpeechModel } from '../vad/speech-model.ts';
import { alignToSpeech } from './align-to-speech.ts';
import { transcribeInBatches } from './batched.ts';
import type { LoadedModel } from './loaded-model.ts';
import { LogMelSource, type Recording, type Survey, survey } from './log-mel-source.ts';
import { type ResolvedOptions, resolveOptions, type TranscribeOptions } from './options.ts';
import { transcribePlainly } from './plain.ts';
import type { Segment } from './segment.ts';
import { type FrameClip, transcribeSequentially } from './sequential.ts';
import { framesPerSecond } from './slice-segments.ts';
import { inRecording, type SpeechRecording, withoutSilence } from './without-silence.ts';

/**
 * Transcribes a recording, giving segments as they are decoded. One of up to 100 ms has none.
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
  const { alignTo, signal } = options;
  const segments = transcribeParts(model, recording, options);
  const placed = alignTo === undefined ? segments : alignToSpeech(segments, await speechIn(recording, alignTo, signal));
  for await (const segment of placed) yield later(segment, recording.offsetSeconds ?? 0);
}

function speechIn(recording: Recording, model: SpeechModel, signal: AbortSignal | undefined): Promise<TimeSpan[]> {
  async function* blocks(): AsyncGenerator<Float32Array> {
    for await (const block of recording.samples()) {
      signal?.throwIfAborted();
      yield block;
    }
  }
  return speechSpans(blocks(), model);
}

async function* transcribeParts(
  model: LoadedModel,
  recording: Recording,
  options: ResolvedOptions,
): AsyncGenerator<Segment> {
  const { speech, batchSize } = options;
  if (speech === undefined) yield* transcribeAll(model, recording, options);
  else if (batchSize > 1) {
    const { maxEnergy, sampleCount } = await survey(recording, model.backend.dimensions.nMels, options.signal);
    const durationSeconds = sampleCount / sampleRate;
    options.onDuration?.(durationSeconds);
    if (durationSeconds <= longestSilentSeconds) return;
    const chunks = speechChunks(recording.samples(), speech.model, speech.options);
    yield* transcribeInBatches(model, chunks, maxEnergy, options);
  } else yield* transcribeSpeech(model, withoutSilence(recording, speech), options);
}

/** What is said in a recording without its silence, with the times of the whole. */
async function* transcribeSpeech(
  model: LoadedModel,
  speech: SpeechRecording,
  options: ResolvedOptions,
): AsyncGenerator<Segment> {
  const onProgress = (doneSeconds: number) => options.onProgress?.(speech.times().original(doneSeconds));
  const segments = transcribeAll(model, speech, { ...options, onProgress }, speech);
  for await (const segment of segments) yield inRecording(segment, speech.times());
}

/** @param speech where the recording is only the speech of another one */
async function* transcribeAll(
  model: LoadedModel,
  recording: Recording,
  options: ResolvedOptions,
  speech?: SpeechRecording,
): AsyncGenerator<Segment> {
  const surveyed = await survey(recording, model.backend.dimensions.nMels, options.signal);
  const durationSeconds = speech?.durationSeconds() ?? surveyed.sampleCount / sampleRate;
  options.onDuration?.(durationSeconds);
  if (surveyed.sampleCount === 0 || durationSeconds <= longestSilentSeconds) return;
  if (isPlain(surveyed, options)) yield* transcribePlainly(model, surveyed.beginning, options);
  else yield* transcribeTimed(model, recording, surveyed, options, speech);
}

async function* transcribeTimed(
  model: LoadedModel,
  recording: Recording,
  surveyed: Survey,
  options: ResolvedOptions,
  speech: SpeechRecording | undefined,
): AsyncGenerator<Segment> {
  await using source = new LogMelSource(recording, surveyed, model.backend.dimensions.nMels);
  const { frameCount } = surveyed;
  yield* transcribeSequentially(
    model,
    { source, frameCount, ...(speech === undefined ? {} : { times: () => speech.times() }) },
    frameClips(options, frameCount, recording.offsetSeconds ?? 0),
    options,
  );
}

/** Without what floats add of their own. */
function plus(seconds: number, offsetSeconds: number): number {
  return Math.round((seconds + offsetSeconds) * 1e6) / 1e6;
}

/** A segment with its times counted from the start of what the recording is a part of. */
function later(segment: Segment, offsetSeconds: number): Segment {
  if (offsetSeconds === 0) return segment;
  const moved = <T extends Pick<Segment, 'startSeconds' | 'endSeconds'>>(part: T): T => ({
    ...part,
    startSeconds: plus(part.startSeconds, offsetSeconds),
    endSeconds: plus(part.endSeconds, offsetSeconds),
  });
  const words = segment.words?.map(moved);
  const seek = segment.seek + Math.round(offsetSeconds * framesPerSecond);
  return { ...moved(segment), seek, ...(words === undefined ? {} : { words }) };
}

/** Whether the recording is one window of which nobody wants to know more than the text. */
function isPlain({ sampleCount }: Survey, options: ResolvedOptions): boolean {
  const { timestamps = false, wordTimestamps, clips, languagePerWindow } = options;
  return sampleCount <= nSamples && !timestamps && !wordTimestamps && !languagePerWindow && clips === undefined;
}

/** The clips asked for, in frames of the recording; theirs are times of what it is a part of. */
function frameClips({ clips, onWarning }: ResolvedOptions, frameCount: number, offsetSeconds: number): FrameClip[] {
  if (clips === undefined) return [{ start: 0, end: frameCount }];
  const frame = (seconds: number) => {
    if (seconds === Number.POSITIVE_INFINITY) return frameCount;
    return Math.max(0, Math.min(Math.round((seconds - offsetSeconds) * framesPerSecond), frameCount));
  };
  const inside = clips
    .map(({ startSeconds, endSeconds = Number.POSITIVE_INFINITY }) => ({
      start: frame(startSeconds),
      end: frame(endSeconds),
    }))
    .filter(({ start, end }) => end > start);
  if (inside.length < clips.length)
    onWarning?.(`${clips.length - inside.length} of ${clips.length} clips hold no audio`);
  return inside;
}
