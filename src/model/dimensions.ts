import { ModelError } from '../errors.ts';
import { damaged, type JsonObject } from './model-files.ts';

/** The sizes that make one Whisper model differ from another, named as in openai/whisper's `ModelDimensions`. */
export interface ModelDimensions {
  readonly nMels: number;
  readonly nAudioCtx: number;
  readonly nAudioState: number;
  readonly nAudioHead: number;
  readonly nAudioLayer: number;
  readonly nTextCtx: number;
  readonly nTextState: number;
  readonly nTextHead: number;
  readonly nTextLayer: number;
  readonly nVocab: number;
}

/**
 * Reads the dimensions from a Hugging Face `config.json`.
 *
 * @param path names the file in errors
 * @throws ModelError `MODEL_UNSUPPORTED` for another kind of model, `MODEL_DAMAGED` for a missing or senseless size
 */
export function dimensionsFromConfig(config: JsonObject, path: string): ModelDimensions {
  const { model_type: kind } = config;
  if (kind !== undefined && kind !== 'whisper')
    throw new ModelError('MODEL_UNSUPPORTED', `${path}: the model is a ${String(kind)}, not a Whisper`);
  const size = (key: string) => config[key];
  return checkedDimensions(
    {
      nMels: size('num_mel_bins'),
      nAudioCtx: size('max_source_positions'),
      nAudioState: size('d_model'),
      nAudioHead: size('encoder_attention_heads'),
      nAudioLayer: size('encoder_layers'),
      nTextCtx: size('max_target_positions'),
      nTextState: size('d_model'),
      nTextHead: size('decoder_attention_heads'),
      nTextLayer: size('decoder_layers'),
      nVocab: size('vocab_size'),
    },
    path,
  );
}

/** Far above every Whisper (32 layers, 51866 tokens); keeps a damaged file from asking for endless work. */
const largest = { layers: 256, size: 1_000_000 };

/**
 * Takes values for dimensions if they can be a model's: whole, positive, and heads that divide the state.
 *
 * @throws ModelError `MODEL_DAMAGED` naming the first that cannot
 */
export function checkedDimensions(values: Record<keyof ModelDimensions, unknown>, path: string): ModelDimensions {
  for (const [name, value] of Object.entries(values)) {
    const limit = name.endsWith('Layer') ? largest.layers : largest.size;
    if (!Number.isInteger(value) || Number(value) < 1 || Number(value) > limit)
      throw damaged(path, `${name} is ${String(value)}, expected a whole number from 1 to ${limit}`);
  }
  const dimensions = values as ModelDimensions;
  if (dimensions.nAudioState % dimensions.nAudioHead !== 0)
    throw damaged(path, 'nAudioHead does not divide nAudioState');
  if (dimensions.nTextState % dimensions.nTextHead !== 0) throw damaged(path, 'nTextHead does not divide nTextState');
  return dimensions;
}
