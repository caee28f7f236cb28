import type { EncodedAudio } from '../backend/backend.ts';
import { type DecodingResult, decode } from '../decoding/decode.ts';
import type { DecodingOptions } from '../decoding/options.ts';
import { seededRandom } from '../decoding/random.ts';
import { UsageError } from '../errors.ts';
import { hotwordsOf } from './hotwords.ts';
import type { LoadedModel } from './loaded-model.ts';
import type { ResolvedOptions } from './options.ts';

/** What a text is judged by. */
type Thresholds = Pick<ResolvedOptions, 'compressionRatioThreshold' | 'logprobThreshold' | 'noSpeechThreshold'>;
type Judged = Pick<DecodingResult, 'avgLogprob' | 'compressionRatio' | 'noSpeechProb'>;

/** Whether a text repeats itself or is too unlikely, unless nobody speaks. Source: transcribe.py, decode_with_fallback. */
export function needsFallback(result: Judged, thresholds: Thresholds): boolean {
  const { avgLogprob, compressionRatio } = result;
  const isUnlikely = avgLogprob < thresholds.logprobThreshold;
  if (isUnlikely && result.noSpeechProb > thresholds.noSpeechThreshold) return false;
  return isUnlikely || compressionRatio > thresholds.compressionRatioThreshold;
}

/** Whether nobody speaks in a window, whatever the text. Source: transcribe.py, the main loop. */
export function isSilence(
  { noSpeechProb, avgLogprob }: Pick<Judged, 'noSpeechProb' | 'avgLogprob'>,
  thresholds: Thresholds,
): boolean {
  return noSpeechProb > thresholds.noSpeechThreshold && avgLogprob <= thresholds.logprobThreshold;
}

/** What windows that are decoded together have in common. */
export interface WindowContext {
  readonly timestamps: boolean;
  /** Tokens of the text before. */
  readonly previous: readonly number[];
}

/** A text of a window that was decoded without hotwords. */
type HeardText = Pick<DecodingResult, 'text' | 'avgLogprob'> & Partial<Pick<DecodingResult, 'noSpeechProb'>>;

/** Decodes windows at one temperature after another until their texts are good enough; the last try stands. */
export interface FallbackDecoder {
  /** With hotwords, where there are any. @param languages of the audio's windows */
  decode(audio: EncodedAudio, languages: readonly string[], context: WindowContext): Promise<DecodingResult[]>;
  /** The same without them. */
  decodeAsHeard(audio: EncodedAudio, languages: readonly string[], context: WindowContext): Promise<DecodingResult[]>;
  /**
   * Decodes windows again that are told the hotwords. Such a text stands where it spells more of them and is likelier than the one
   * without: a model that is told names may hear them in noise, and other words near them differently.
   *
   * @param heard the windows' texts without hotwords
   */
  expectHotwords<Text extends HeardText>(
    audio: EncodedAudio,
    languages: readonly string[],
    context: WindowContext,
    heard: readonly Text[],
  ): Promise<readonly (Text | (DecodingResult & Text))[]>;
}

export function fallbackDecoder(model: LoadedModel, options: ResolvedOptions): FallbackDecoder {
  const { signal, lengthPenalty } = options;
  const shared = {
    task: options.task,
    beamSize: options.beamSize,
    bestOf: options.bestOf,
    patience: options.patience,
    ...(lengthPenalty === undefined ? {} : { lengthPenalty }),
    prefix: prefixTokens(model, options.prefix),
    suppress: dispensable(model, options.suppressTokens),
    logprobThreshold: options.logprobThreshold,
    maxInitialTimestampSeconds: options.maxInitialTimestampSeconds,
    random: seededRandom(options.seed),
  };
  const hotwords = hotwordsOf(model, options.hotwords);
  // What is drawn with hotwords must not change what is drawn without.
  const ownRandom = seededRandom(options.seed);
  const [first = 0, ...warmer] = options.temperatures;

  const decodeAsHeard: FallbackDecoder['decodeAsHeard'] = async (audio, languages, context) => {
    const at = (temperature: number): DecodingOptions => ({ ...shared, ...context, temperature });
    const results = await decode(audio, model, languages, at(first), { signal });
    for (const [window, language] of languages.entries()) {
      for (const temperature of warmer) {
        if (!needsFallback(results[window] as DecodingResult, options)) break;
        const [again] = await decode(audio, model, [language], at(temperature), { window, signal });
        results[window] = again as DecodingResult;
      }
    }
    return results;
  };

  const expectHotwords: FallbackDecoder['expectHotwords'] = async (audio, languages, context, heard) => {
    if (hotwords === undefined) return heard;
    const previous = hotwords.promptWith(context.previous);
    const asked = { ...shared, ...context, previous, temperature: first, random: ownRandom };
    const named = await decode(audio, model, languages, asked, { signal });
    return heard.map((text, window) => {
      const other = named[window] as DecodingResult;
      const isBetter = other.avgLogprob > text.avgLogprob && hotwords.areMoreIn(other.text, text.text);
      if (!isBetter || needsFallback(other, options) || isSilence({ noSpeechProb: 0, ...text }, options)) return text;
      return { ...text, ...other, noSpeechProb: text.noSpeechProb };
    });
  };

  return {
    async decode(audio, languages, context) {
      const heard = await decodeAsHeard(audio, languages, context);
      return [...(await expectHotwords(audio, languages, context, heard))];
    },
    decodeAsHeard,
    expectHotwords,
  };
}

/** @throws UsageError for the end token, without which no text ends, and for what is no token at all */
function dispensable({ rules }: LoadedModel, suppressed: readonly number[]): readonly number[] {
  const { eot, nVocab } = rules.special;
  const other = suppressed.find((token) => token === eot || token >= nVocab);
  if (other === undefined) return suppressed;
  const why = other === eot ? 'no text could end' : `this model has tokens 0 to ${nVocab - 1}`;
  throw new UsageError('TOKEN_NOT_SUPPRESSIBLE', `token ${other} cannot be suppressed: ${why}`);
}

/** @throws UsageError for a prefix that leaves a text no room */
function prefixTokens({ tokenizer, rules }: LoadedModel, prefix: string): readonly number[] {
  if (prefix === '') return [];
  const tokens = tokenizer.encode(` ${prefix.trim()}`);
  const most = Math.floor(rules.maxLength / 4);
  if (tokens.length <= most) return tokens;
  throw new UsageError(
    'PREFIX_TOO_LONG',
    `the prefix is ${tokens.length} tokens long, at most ${most} leave room for text`,
    {
      hint: 'shorten it, or give it as the initial prompt',
    },
  );
}
