import type { EncodedAudio } from '../backend/backend.ts';
import { generate } from '../decoding/generate.ts';
import { sotSequence } from '../decoding/prompt.ts';
import { logMelSpectrogram } from '../features/log-mel.ts';
import type { LoadedModel } from '../transcribe/loaded-model.ts';
import { compareLogits, compareVectors, type PositionDifference, type VectorDifference } from './compare.ts';

/** What the reference makes of one window of up to 30 s. */
export interface ReferenceWindow {
  /** Whisper's code, as detected or asked for. */
  readonly language: string;
  readonly prompt: readonly number[];
  /** What it writes of its own accord, with the end token unless the text was cut at the model's limit. */
  readonly tokens: readonly number[];
  readonly text: string;
  /** f32 [nVocab] each: what stands before each of `tokens` is chosen. */
  readonly logits: readonly Float32Array[];
  /** f32 [nAudioCtx, nAudioState] */
  readonly encoderOutput: Float32Array;
}

/** What the tested side writes of its own accord. */
export interface FreeText {
  readonly language: string;
  /** As in {@link ReferenceWindow}. */
  readonly tokens: readonly number[];
  readonly text: string;
}

/** One window on both sides. */
export interface WindowComparison {
  readonly reference: Pick<ReferenceWindow, 'language' | 'prompt' | 'tokens' | 'text'>;
  readonly tested: FreeText;
  /** One per token of the reference, fed to both sides. */
  readonly positions: readonly PositionDifference[];
  /** Undefined where the encoders differ in size, as those of two models may. */
  readonly encoder: VectorDifference | undefined;
}

export interface WindowOptions {
  /** Whisper's code; each side detects it where it is absent. */
  readonly language?: string;
  readonly signal?: AbortSignal;
}

/** @param samples mono f32 at 16 kHz, up to 30 s */
export async function referenceWindow(
  model: LoadedModel,
  samples: Float32Array,
  options: WindowOptions,
): Promise<ReferenceWindow> {
  const { signal } = options;
  await using audio = await encode(model, samples, signal);
  const { language, tokens, text } = await writeFreely(model, audio, options);
  const { special } = model.rules;
  const prompt = [...sotSequence(special, language, 'transcribe'), special.noTimestamps];
  const logits: Float32Array[] = [];
  for await (const row of forcedLogits(audio, prompt, tokens, signal)) logits.push(row);
  return { language, prompt, tokens, text, logits, encoderOutput: await audio.encoderOutput() };
}

/** Holds the tested side against the reference: free, then fed with the reference's tokens. */
export async function compareWindow(
  model: LoadedModel,
  samples: Float32Array,
  reference: ReferenceWindow,
  options: WindowOptions,
): Promise<WindowComparison> {
  const { signal } = options;
  const { rules } = model;
  await using audio = await encode(model, samples, signal);
  const tested = await writeFreely(model, audio, options);
  const positions: PositionDifference[] = [];
  for await (const row of forcedLogits(audio, reference.prompt, reference.tokens, signal)) {
    const at = positions.length;
    const [expected, token] = [reference.logits[at], reference.tokens[at]];
    if (expected === undefined || token === undefined) throw new Error(`the reference has no position ${at}`);
    positions.push(compareLogits(expected, row, at === 0 ? rules.beginSuppress : rules.suppress, token));
  }
  const output = await audio.encoderOutput();
  const { language, prompt, tokens, text, encoderOutput } = reference;
  return {
    reference: { language, prompt, tokens, text },
    tested,
    positions,
    encoder: output.length === encoderOutput.length ? compareVectors(encoderOutput, output) : undefined,
  };
}

function encode({ backend }: LoadedModel, samples: Float32Array, signal?: AbortSignal): Promise<EncodedAudio> {
  return backend.encode([logMelSpectrogram(samples, backend.dimensions.nMels)], signal);
}

async function writeFreely(model: LoadedModel, audio: EncodedAudio, options: WindowOptions): Promise<FreeText> {
  const { rules, tokenizer } = model;
  const { language, signal } = options;
  const asked = language === undefined ? {} : { language };
  const result = await generate(audio, rules, { ...asked, task: 'transcribe' }, signal);
  return {
    language: result.language,
    tokens: result.complete ? [...result.tokens, rules.special.eot] : result.tokens,
    text: tokenizer.decode(result.tokens),
  };
}

/** Feeds a text whatever the model would write itself. @returns logits f32 [nVocab] before each of `tokens` */
async function* forcedLogits(
  audio: EncodedAudio,
  prompt: readonly number[],
  tokens: readonly number[],
  signal: AbortSignal | undefined,
): AsyncGenerator<Float32Array> {
  await using run = await audio.startDecoder();
  for (const i of tokens.keys()) {
    const next = i === 0 ? prompt : tokens.slice(i - 1, i);
    yield (await run.forward({ tokens: [next] }, signal)).logits;
  }
}
