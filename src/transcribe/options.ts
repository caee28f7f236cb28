import type { LanguageProbability } from '../decoding/language.ts';
import type { Task } from '../decoding/prompt.ts';
import { UsageError } from '../errors.ts';
import { audioOptions } from '../options/audio.ts';
import { decodingOptions } from '../options/decoding.ts';
import { detectorOptions } from '../options/detector.ts';
import { knownLanguage } from '../options/kinds/language.ts';
import type { Clip } from '../options/kinds/time.ts';
import { checkedOptions, defaultsOf } from '../options/library-options.ts';
import { speechOptions } from '../options/speech.ts';
import { wordOptions } from '../options/subtitles.ts';
import { transcribeCallOptions } from '../options/transcribe-calls.ts';
import type { ChunkOptions } from '../vad/speech-chunks.ts';
import type { SpeechModel } from '../vad/speech-model.ts';

/** How a recording is transcribed. Names and defaults are openai/whisper's (transcribe.py). */
export interface TranscribeOptions {
  /** A code, a locale or an English name, or auto; detected in the first 30 s where it is absent or auto. */
  readonly language?: string;
  /** Detects the language anew in each window. */
  readonly languagePerWindow?: boolean;
  readonly task?: Task;
  /**
   * Whether segments are given their times. By default only recordings of more than 30 s are, which cannot do without; a
   * shorter one is then one segment.
   */
  readonly timestamps?: boolean;
  /** Gives each word its time; needs a second look at every window. */
  readonly wordTimestamps?: boolean;
  /** Tried one after the other until a text is good enough. */
  readonly temperatures?: readonly number[];
  readonly beamSize?: number;
  readonly bestOf?: number;
  readonly patience?: number;
  readonly lengthPenalty?: number;
  /** Repetition: a text that deflates better than this is tried again. */
  readonly compressionRatioThreshold?: number;
  /** A text whose mean log-probability is below this is tried again. */
  readonly logprobThreshold?: number;
  /** Above this, and with an unlikely text, nobody speaks. */
  readonly noSpeechThreshold?: number;
  /** Whether a window is told what was said before it. */
  readonly conditionOnPreviousText?: boolean;
  /** Told to the first window as if it had been said before: names, spelling, style. */
  readonly initialPrompt?: string;
  /** Tells it to every window. */
  readonly carryInitialPrompt?: boolean;
  /** What every text has to begin with. */
  readonly prefix?: string;
  /** Tokens that are never chosen, besides the model's own list. */
  readonly suppressTokens?: readonly number[];
  readonly maxInitialTimestampSeconds?: number;
  /** The parts to transcribe; all of it by default. */
  readonly clips?: readonly Clip[];
  /** Finds the speech; what is silent is not listened to. */
  readonly speech?: { readonly model: SpeechModel; readonly options?: ChunkOptions };
  /**
   * With `speech`: chunks of speech, of up to 30 s, that are decoded together. From 2 on no window is told what was said
   * before it.
   */
  readonly batchSize?: number;
  /** Moves the ends of segments that have no words to those of the speech that this model finds. */
  readonly alignTo?: SpeechModel;
  /** With word times: skips silence longer than this around what is probably invented. */
  readonly hallucinationSilenceSeconds?: number;
  readonly prependPunctuation?: string;
  readonly appendPunctuation?: string;
  /** Of what is drawn at temperatures above 0. */
  readonly seed?: number;
  /** Told which language was heard, when it was detected. */
  readonly onLanguage?: (probabilities: readonly LanguageProbability[]) => void;
  /** Told how long the recording is, once it has been read through. */
  readonly onDuration?: (audioSeconds: number) => void;
  /** Told how far it is, in seconds of the recording. */
  readonly onProgress?: (doneSeconds: number) => void;
  readonly onWarning?: (message: string) => void;
  readonly signal?: AbortSignal | undefined;
}

const tables = [audioOptions, speechOptions, wordOptions, decodingOptions, transcribeCallOptions] as const;

/** Options with every default in its place; the language is one of Whisper's codes, or absent where it is to be detected. */
export type ResolvedOptions = Omit<TranscribeOptions, keyof typeof transcribeDefaults> & typeof transcribeDefaults;

/** What options are that are not given. */
export const transcribeDefaults = defaultsOf(tables, 'transcribe()');

/** @throws UsageError for options that there are not, values that make no sense, or not together */
export function resolveOptions(options: TranscribeOptions): ResolvedOptions {
  const call = { call: 'transcribe()', tables } as const;
  const checked = checkedOptions(call, options, (message) =>
    options.onWarning?.(message),
  ) as unknown as ResolvedOptions;
  const { language, speech, ...others } = checked;
  const known = knownLanguage(language);
  return {
    ...others,
    ...(known === undefined ? {} : { language: known }),
    ...(speech === undefined ? {} : { speech: checkedSpeech(speech, options) }),
  };
}

type Speech = NonNullable<TranscribeOptions['speech']>;

function checkedSpeech(speech: Speech, { onWarning }: TranscribeOptions): Speech {
  const { model, options = {}, ...others } = speech;
  if (typeof model?.listen !== 'function' || Object.keys(others).length > 0)
    throw new UsageError(
      'OPTION_SENSELESS',
      'speech is an object: expected { model, options }, with a model of openSilero()',
    );
  const call = { call: 'speech.options', tables: [detectorOptions] } as const;
  return { model, options: checkedOptions(call, options, (message) => onWarning?.(message)) as ChunkOptions };
}
