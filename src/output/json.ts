import type { Segment, Word } from '../transcribe/segment.ts';
import type { JsonValue } from './json-text.ts';
import type { Transcript } from './transcript.ts';

/**
 * A transcript as openai/whisper's JSON has it (transcribe.py): its fields under its names and in its order. Behind them
 * come ours; a segment says its language where that is not the recording's.
 */
export function transcriptJson(transcript: Transcript): { readonly [field: string]: JsonValue } {
  const { segments, language, languageProbability } = transcript;
  return {
    text: segments.map(({ text }) => text).join(''),
    segments: segments.map((segment) => segmentJson(segment, language)),
    language: language ?? null,
    ...(languageProbability === undefined ? {} : { language_probability: rounded(languageProbability, 5) }),
    task: transcript.task,
    duration: rounded(transcript.audioSeconds, 3),
    file: transcript.file,
    model: transcript.model,
    device: transcript.device,
  };
}

/** @param language of the recording: a segment in another one says which */
export function segmentJson(segment: Segment, language: string | undefined): JsonValue {
  return {
    id: segment.id,
    seek: segment.seek,
    start: segment.startSeconds,
    end: segment.endSeconds,
    text: segment.text,
    tokens: segment.tokens,
    temperature: segment.temperature,
    avg_logprob: segment.avgLogprob,
    compression_ratio: segment.compressionRatio,
    no_speech_prob: segment.noSpeechProb ?? null,
    ...(segment.words === undefined ? {} : { words: segment.words.map(wordJson) }),
    ...(segment.language === language ? {} : { language: segment.language }),
  };
}

function wordJson({ text, startSeconds, endSeconds, probability }: Word): JsonValue {
  return { word: text, start: startSeconds, end: endSeconds, probability };
}

/** For figures that are measured, not decoded: no more digits than they are worth. */
export function rounded(value: number, digits: number): number {
  return Number(value.toFixed(digits));
}
