import type { EncodedAudio } from '../backend/backend.ts';
import { compressionRatio } from '../decoding/compression-ratio.ts';
import type { DecodingResult } from '../decoding/decode.ts';
import { generate } from '../decoding/generate.ts';
import { maxPreviousTokens } from '../decoding/prompt.ts';
import { isFlat, logMelSpectrogram, sampleRate } from '../features/log-mel.ts';
import { detectAndReportLanguages } from './detected-languages.ts';
import { type FallbackDecoder, fallbackDecoder, isSilence, needsFallback, type WindowContext } from './fallback.ts';
import type { LoadedModel } from './loaded-model.ts';
import type { ResolvedOptions } from './options.ts';
import { PreviousText } from './previous-text.ts';
import type { Segment } from './segment.ts';

/** A window's text, and what is known of how it came about. */
type PlainText = Omit<DecodingResult, 'noSpeechProb'> & Partial<Pick<DecodingResult, 'noSpeechProb'>>;

/**
 * Transcribes a single window as one segment, without times inside. What transformers' `generate` says stands, unless it
 * repeats itself or is unlikely: then it is tried again as every other window is, or nobody spoke.
 *
 * @param samples up to 30 s
 */
export async function* transcribePlainly(
  model: LoadedModel,
  samples: Float32Array,
  options: ResolvedOptions,
): AsyncGenerator<Segment> {
  const logMel = logMelSpectrogram(samples, model.backend.dimensions.nMels);
  if (isFlat(logMel)) return;
  await using audio = await model.backend.encode([logMel], options.signal);
  const result = await decodeWindow(model, audio, options);
  if (result === undefined || result.text === '') return;
  const { text: _, ...known } = result;
  const endSeconds = samples.length / sampleRate;
  yield { ...known, id: 0, seek: 0, startSeconds: 0, endSeconds, text: model.tokenizer.decode(result.tokens) };
}

/** @returns undefined where nobody speaks */
async function decodeWindow(
  model: LoadedModel,
  audio: EncodedAudio,
  options: ResolvedOptions,
): Promise<PlainText | undefined> {
  const decoder = fallbackDecoder(model, options);
  const previous = new PreviousText(model.tokenizer, maxPreviousTokens(model.rules.maxLength), options).tokens;
  const context = { timestamps: false, previous };
  const heard = await heardText(model, audio, context, decoder, options);
  if (heard === undefined) return undefined;
  const [expected] = await decoder.expectHotwords(audio, [heard.language], context, [heard]);
  return expected;
}

/** @returns undefined where nobody speaks */
async function heardText(
  model: LoadedModel,
  audio: EncodedAudio,
  context: WindowContext,
  decoder: FallbackDecoder,
  options: ResolvedOptions,
): Promise<PlainText | undefined> {
  const greedy = asksForGreedy(options) ? await generateText(model, audio, options) : undefined;
  if (greedy !== undefined && !needsFallback({ ...greedy, noSpeechProb: 0 }, options)) return greedy;
  const language = greedy?.language ?? options.language ?? (await detectAndReportLanguages(model, audio, options))[0];
  const [searched] = await decoder.decodeAsHeard(audio, [language], context);
  if (searched === undefined) throw new Error('a window has a result');
  if (isSilence(searched, options)) return undefined;
  return greedy !== undefined && searched.temperature === 0 ? greedy : searched;
}

function asksForGreedy({ temperatures, beamSize, initialPrompt, prefix, suppressTokens }: ResolvedOptions): boolean {
  const isFree = initialPrompt === '' && prefix === '' && suppressTokens.length === 0;
  return isFree && beamSize === 1 && (temperatures[0] ?? 0) === 0;
}

async function generateText(model: LoadedModel, audio: EncodedAudio, options: ResolvedOptions): Promise<PlainText> {
  const { language, task, logprobThreshold, signal } = options;
  const asked = { task, logprobThreshold, ...(language === undefined ? {} : { language }) };
  const generated = await generate(audio, model.rules, asked, signal);
  const { tokens, avgLogprob, languageProbabilities, complete } = generated;
  if (languageProbabilities !== undefined) options.onLanguage?.(languageProbabilities);
  if (!complete) options.onWarning?.('the text is longer than the model can write at once; its end is missing');
  const text = model.tokenizer.decode(tokens).trim();
  return {
    language: generated.language,
    temperature: 0,
    tokens,
    text,
    avgLogprob,
    compressionRatio: compressionRatio(text),
  };
}
