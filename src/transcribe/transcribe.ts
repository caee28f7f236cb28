import { windows } from '../audio/windows.ts';
import type { Backend } from '../backend/backend.ts';
import { type DecodingRules, decodeGreedily } from '../decoding/decode.ts';
import type { LanguageProbability } from '../decoding/language.ts';
import type { Task } from '../decoding/prompt.ts';
import { logMelSpectrogram, nSamples, sampleRate } from '../features/log-mel.ts';
import type { WhisperTokenizer } from '../model/tokenizer.ts';

/** A model on a device, with what turns its tokens into text. */
export interface LoadedModel extends AsyncDisposable {
  readonly name: string;
  readonly backend: Backend;
  readonly tokenizer: WhisperTokenizer;
  readonly rules: DecodingRules;
}

export interface TranscribeOptions {
  /** Whisper's code; detected on the first window where it is absent. */
  readonly language?: string;
  readonly task: Task;
  readonly signal?: AbortSignal;
}

/** One stretch of a recording and what was said in it. */
export interface Segment {
  readonly startSeconds: number;
  readonly endSeconds: number;
  /** As decoded, usually with a leading space. */
  readonly text: string;
  readonly tokens: readonly number[];
  readonly avgLogprob: number;
  readonly language: string;
  readonly languageProbabilities?: readonly LanguageProbability[];
  /** False when the window held more text than the model can write at once. */
  readonly complete: boolean;
}

/**
 * Transcribes a recording window by window (30 s each), giving each segment as soon as it is decoded.
 *
 * @param samples mono f32 at 16 kHz in [-1, 1], in blocks of any length
 */
export async function* transcribe(
  model: LoadedModel,
  samples: AsyncIterable<Float32Array>,
  options: TranscribeOptions,
): AsyncGenerator<Segment> {
  const { backend, tokenizer, rules } = model;
  const { task, signal } = options;
  let { language } = options;
  let start = 0;
  for await (const window of windows(samples, nSamples)) {
    await using audio = await backend.encode([logMelSpectrogram(window, backend.dimensions.nMels)], signal);
    const result = await decodeGreedily(audio, rules, language === undefined ? { task } : { language, task }, signal);
    language = result.language;
    yield {
      ...result,
      startSeconds: start / sampleRate,
      endSeconds: (start + window.length) / sampleRate,
      text: tokenizer.decode(result.tokens),
    };
    start += window.length;
  }
}
