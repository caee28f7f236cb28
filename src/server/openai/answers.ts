import { languages } from '../../model/languages.ts';
import type { CueLayout } from '../../output/cues.ts';
import { formats } from '../../output/formats.ts';
import { rounded } from '../../output/json.ts';
import { wholeCharacters } from '../../output/plain-text.ts';
import type { Transcript } from '../../output/transcript.ts';
import type { Segment, Word } from '../../transcribe/segment.ts';
import type { SpeechRequest } from './fields.ts';

/** How a transcript is answered: OpenAI's formats, then ours. */
export type ResponseFormat = 'json' | 'text' | 'srt' | 'verbose_json' | 'vtt' | 'lrc' | 'tsv' | 'csv' | 'whisper_json';

const types: Readonly<Record<ResponseFormat, string>> = {
  json: 'application/json',
  text: 'text/plain',
  srt: 'text/plain',
  verbose_json: 'application/json',
  vtt: 'text/vtt',
  lrc: 'text/plain',
  tsv: 'text/tab-separated-values',
  csv: 'text/csv',
  whisper_json: 'application/json',
};

/** Of the answers of all formats. */
export const answerTypes: readonly string[] = [...new Set(Object.values(types))];

export const responseFormats: ReadonlySet<ResponseFormat> = new Set(Object.keys(types) as ResponseFormat[]);

export interface Answer {
  readonly type: string;
  readonly text: string;
}

/** Whether a format says when something was said. */
export function saysTimes(format: ResponseFormat): boolean {
  return format !== 'json' && format !== 'text';
}

/** A transcript as it was asked for. */
export function answerOf(transcript: Transcript, request: SpeechRequest): Answer {
  return { type: `${types[request.format]}; charset=utf-8`, text: textOf(transcript, request) };
}

function textOf(transcript: Transcript, request: SpeechRequest): string {
  const { format } = request;
  switch (format) {
    case 'json':
      return JSON.stringify({ ...spokenText(transcript.segments, request), usage: usageOf(transcript) });
    case 'verbose_json':
      return JSON.stringify(verboseJson(transcript, request));
    case 'text':
      return `${plainText(transcript.segments)}\n`;
    case 'whisper_json':
      return formats.json(transcript, layoutOf(request));
    default:
      return formats[format](transcript, layoutOf(request));
  }
}

/** What was said in all, in one line of text, and how sure each word of it is where that was asked for. */
export function spokenText(segments: readonly Segment[], { wantsLogprobs }: SpeechRequest) {
  return {
    text: plainText(segments),
    ...(wantsLogprobs ? { logprobs: segments.flatMap(segmentLogprobs) } : {}),
  };
}

/** OpenAI counts by the second what it does not count by tokens. */
export function usageOf({ audioSeconds }: Pick<Transcript, 'audioSeconds'>) {
  return { type: 'duration', seconds: Math.ceil(audioSeconds) };
}

/** A word stands for a token here: its probability is the mean of its tokens'. */
export function segmentLogprobs({ words = [] }: Segment) {
  return words.map(({ text, probability }) => ({
    token: wholeCharacters(text),
    bytes: [...Buffer.from(text)],
    logprob: Math.log(Math.max(probability, 1e-10)),
  }));
}

/** What was said, in one line. */
export function plainText(segments: readonly Segment[]): string {
  return wholeCharacters(segments.map(({ text }) => text).join('')).trim();
}

function verboseJson(transcript: Transcript, request: SpeechRequest) {
  const { segments } = transcript;
  return {
    ...recordingJson(transcript),
    text: plainText(segments),
    ...(request.wantsWords ? { words: segments.flatMap(({ words = [] }) => words.map(wordJson)) } : {}),
    ...(request.wantsSegments ? { segments: segments.map(segmentJson) } : {}),
    usage: usageOf(transcript),
  };
}

/** A segment that is told on its own, with its own words. */
export function segmentEvent(segment: Segment, { wantsWords }: SpeechRequest) {
  const { words = [] } = segment;
  return { ...segmentJson(segment), ...(wantsWords ? { words: words.map(wordJson) } : {}) };
}

/** What is known of a recording at its end. */
export function recordingJson({
  task,
  language,
  audioSeconds,
}: Pick<Transcript, 'task' | 'language' | 'audioSeconds'>) {
  // OpenAI says the languages that are spoken by their names, and what it was translated into.
  const spoken = task === 'translate' ? 'en' : language;
  return {
    task,
    language: (languages.get(spoken ?? '') ?? '').toLowerCase(),
    duration: rounded(audioSeconds, 3),
  };
}

function segmentJson(segment: Segment) {
  return {
    id: segment.id,
    seek: segment.seek,
    start: segment.startSeconds,
    end: segment.endSeconds,
    text: wholeCharacters(segment.text),
    tokens: segment.tokens,
    temperature: segment.temperature,
    avg_logprob: segment.avgLogprob,
    compression_ratio: segment.compressionRatio,
    // Clients read a number here. Where the text was likely nobody asked how likely silence is.
    no_speech_prob: segment.noSpeechProb ?? 0,
  };
}

function wordJson({ text, startSeconds, endSeconds, probability }: Word) {
  return { word: wholeCharacters(text.trim()), start: startSeconds, end: endSeconds, probability };
}

function layoutOf({ options }: SpeechRequest): CueLayout {
  const { maxLineWidth, maxLineCount, maxWordsPerLine, highlightWords } = options;
  return { maxLineWidth, maxLineCount, maxWordsPerLine, highlightWords };
}
