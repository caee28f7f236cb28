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

/**
 * How a recording is transcribed. Names and defaults are openai/whisper's (transcribe.py) where it has them; `transcribeDefaults`
 * holds the defaults.
 */
export interface TranscribeOptions {
  /** The language that is spoken: a code, a locale or an English name. Absent or 'auto': detected in the first 30 s that have sound. */
  readonly language?: string;
  /** Detects the language anew in every window, for recordings in several languages. Default false: once for the recording. */
  readonly languagePerWindow?: boolean;
  /** 'transcribe' (the default) writes what was said, 'translate' writes it in English. */
  readonly task?: Task;
  /**
   * Whether segments are given their times. By default only recordings of more than 30 s are, which cannot do without; a
   * shorter one is then one segment.
   */
  readonly timestamps?: boolean;
  /** Gives each word its time and probability, which needs a second look at every window. Default false. */
  readonly wordTimestamps?: boolean;
  /**
   * Temperatures that a window is decoded at, one after the other, until a text is accepted. Default [0, 0.2, 0.4, 0.6, 0.8, 1]; a
   * list of one never decodes again. 0 takes the likeliest tokens, higher ones sample.
   */
  readonly temperatures?: readonly number[];
  /** Searches with this many hypotheses at temperature 0. Default 1, which is greedy decoding. */
  readonly beamSize?: number;
  /** Samples this many texts at temperatures above 0 and takes the likeliest. Default 5; 1 takes what is sampled. */
  readonly bestOf?: number;
  /** With beams: searches until `beamSize` times this many hypotheses have ended. Default 1, which ends with as many as there are beams. */
  readonly patience?: number;
  /**
   * With beams or several samples: ranks hypotheses by this length penalty, from 0 to 1, of which higher values favour longer texts.
   * Absent: by the mean log-probability of their tokens.
   */
  readonly lengthPenalty?: number;
  /** Rejects a text whose compression ratio is above this, because it repeats itself. Default 2.4; 1000 accepts every text. */
  readonly compressionRatioThreshold?: number;
  /** Rejects a text whose mean log-probability is below this. Default -1; -1000 accepts every text. */
  readonly logprobThreshold?: number;
  /** Skips a window whose probability of no speech is above this and whose text is unlikely. Default 0.6; 1 skips none. */
  readonly noSpeechThreshold?: number;
  /** Gives each window the text before it as its prompt. Default true; false decodes every window by itself. */
  readonly conditionOnPreviousText?: boolean;
  /**
   * Names and words to expect, in a list or with commas between them, so that they are spelt like this where they are said. Default
   * none. Every window is decoded twice then, and the text with them stands where it spells more of them and is likelier. No effect
   * with a prefix.
   */
  readonly hotwords?: readonly string[] | string;
  /** Given to the first window as the text before it: names, spelling, style. Default '', which is none. */
  readonly initialPrompt?: string;
  /** Gives the initial prompt to every window. Default false. */
  readonly carryInitialPrompt?: boolean;
  /** What the text of every window has to begin with. Default '', which is nothing. */
  readonly prefix?: string;
  /** Tokens that are never chosen, in addition to the model's own list. Default none. */
  readonly suppressTokens?: readonly number[];
  /** The latest time, in seconds of its window, at which a window's first segment may begin. Default 1; 30 allows any. */
  readonly maxInitialTimestampSeconds?: number;
  /** The parts to transcribe. Absent: all of the recording. */
  readonly clips?: readonly Clip[];
  /** Finds the speech with this model, and decodes that only. Absent: everything is decoded. */
  readonly speech?: { readonly model: SpeechModel; readonly options?: ChunkOptions };
  /**
   * With `speech`: decodes this many chunks of speech, of up to 30 s, together. Default 1, which decodes window after window. From 2 on
   * no window is given the text before it.
   */
  readonly batchSize?: number;
  /** Moves the ends of segments that have no words to those of the speech that this model finds. Absent: they stay. */
  readonly alignTo?: SpeechModel;
  /** With word times: skips silence longer than this around words that are probably hallucinated. Absent: never. */
  readonly hallucinationSilenceSeconds?: number;
  /** Characters that are joined to the word after them, such as an opening bracket. '' joins none. */
  readonly prependPunctuation?: string;
  /** Characters that are joined to the word before them, such as a full stop. '' joins none. */
  readonly appendPunctuation?: string;
  /** Seeds the random numbers of temperatures above 0. Default 0; the same seed gives the same texts. */
  readonly seed?: number;
  /** Called with the languages that were heard, the likeliest first, when the language is detected. */
  readonly onLanguage?: (probabilities: readonly LanguageProbability[]) => void;
  /** Called with the length of the recording, once it has been read through. */
  readonly onDuration?: (audioSeconds: number) => void;
  /** Called with how far it is, in seconds of the recording. */
  readonly onProgress?: (doneSeconds: number) => void;
  /** Called with each warning. Absent: warnings are not shown. */
  readonly onWarning?: (message: string) => void;
  /** Ends the work, with its reason as the error, when it is aborted. */
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
