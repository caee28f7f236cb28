import type { LanguageProbability } from '../decoding/language.ts';
import type { Task } from '../decoding/prompt.ts';
import { UsageError } from '../errors.ts';
import type { ChunkOptions } from '../vad/speech-chunks.ts';
import type { SpeechModel } from '../vad/speech-model.ts';

/** Stretches of a recording, in seconds from its start. */
export interface Clip {
  readonly startSeconds: number;
  /** Its end by default. */
  readonly endSeconds?: number;
}

/** How a recording is transcribed. Names and defaults are openai/whisper's (transcribe.py). */
export interface TranscribeOptions {
  /** Whisper's code; detected in the first 30 s where it is absent. */
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

/** Options with every default in its place. */
export type ResolvedOptions = Omit<TranscribeOptions, keyof typeof transcribeDefaults> &
  Required<Pick<TranscribeOptions, keyof typeof transcribeDefaults>>;

export const transcribeDefaults = {
  task: 'transcribe',
  languagePerWindow: false,
  wordTimestamps: false,
  temperatures: [0, 0.2, 0.4, 0.6, 0.8, 1] as readonly number[],
  beamSize: 1,
  bestOf: 5,
  patience: 1,
  compressionRatioThreshold: 2.4,
  logprobThreshold: -1,
  noSpeechThreshold: 0.6,
  conditionOnPreviousText: true,
  initialPrompt: '',
  carryInitialPrompt: false,
  prefix: '',
  suppressTokens: [] as readonly number[],
  maxInitialTimestampSeconds: 1,
  prependPunctuation: '"\'“¿([{-',
  appendPunctuation: '"\'.。,，!！?？:：”)]}、',
  batchSize: 1,
  seed: 0,
} as const satisfies TranscribeOptions;

/** @throws UsageError for values that make no sense, or not together */
export function resolveOptions(options: TranscribeOptions): ResolvedOptions {
  const given = Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined));
  const resolved: ResolvedOptions = { ...transcribeDefaults, ...given };
  const { batchSize, beamSize, bestOf, clips, speech, temperatures } = resolved;
  for (const [name, value] of Object.entries({ batchSize, beamSize, bestOf }))
    if (!Number.isInteger(value) || value < 1) throw senseless(`${name} is ${value}, expected a whole number from 1`);
  if (temperatures.length === 0 || temperatures.some((value) => !(value >= 0)))
    throw senseless(`temperatures are [${temperatures.join(', ')}], expected numbers from 0`);
  if (batchSize > 1 && speech === undefined)
    throw senseless('batchSize needs speech: batches are of stretches of speech');
  if (clips !== undefined && speech !== undefined)
    throw senseless('clips and speech cannot be combined: say which parts to listen to, or have them found');
  let before = 0;
  for (const { startSeconds, endSeconds = Number.POSITIVE_INFINITY } of clips ?? []) {
    if (!(startSeconds >= before && endSeconds > startSeconds))
      throw senseless(`the clip from ${startSeconds} to ${endSeconds} s is not in order behind ${before} s`);
    before = endSeconds;
  }
  return resolved;
}

function senseless(message: string): UsageError {
  return new UsageError('OPTION_SENSELESS', message);
}
