import type { ModelDimensions } from './dimensions.ts';
import { damaged, type JsonObject } from './model-files.ts';

/** What a checkpoint says about decoding. */
export interface GenerationConfig {
  /** Tokens that are never chosen; empty if the checkpoint names none. */
  readonly suppressTokens: readonly number[];
  /** Tokens that are not chosen first. */
  readonly beginSuppressTokens: readonly number[];
  /** Decoder heads whose cross-attention follows the audio's time; empty if the checkpoint names none. */
  readonly alignmentHeads: readonly (readonly [layer: number, head: number])[];
  /** The end token and the one for texts without times, where the checkpoint names them. */
  readonly eosToken?: number;
  readonly noTimestampsToken?: number;
  /** Longest sequence, prompt included, in tokens: at most `nTextCtx`. */
  readonly maxLength: number;
}

/** What Hugging Face (`generation_config.json`, in old revisions `config.json`) calls the fields. */
export const huggingFaceFields = { suppress: 'suppress_tokens', begin: 'begin_suppress_tokens' } as const;

/** What CTranslate2's `config.json` calls them. */
export const cTranslate2Fields = { suppress: 'suppress_ids', begin: 'suppress_ids_begin' } as const;

/**
 * Reads what decoding needs from the file that holds it. An absent or null list is an empty one.
 *
 * @param path names the file in errors
 * @throws ModelError `MODEL_DAMAGED` for a field of another type
 */
export function generationConfig(
  config: JsonObject,
  fields: typeof huggingFaceFields | typeof cTranslate2Fields,
  dimensions: ModelDimensions,
  path: string,
): GenerationConfig {
  const { nTextCtx, nTextLayer, nTextHead, nVocab } = dimensions;
  const tokens = (field: string) => tokenList(config, field, path).filter((token) => token < nVocab);
  const { max_length: maxLength = nTextCtx } = config;
  if (!isIndex(maxLength) || maxLength === 0) throw damaged(path, 'max_length is no positive whole number');
  const { eos_token_id: eosToken, no_timestamps_token_id: noTimestampsToken } = config;
  return {
    ...(isIndex(eosToken) ? { eosToken } : {}),
    ...(isIndex(noTimestampsToken) ? { noTimestampsToken } : {}),
    suppressTokens: tokens(fields.suppress),
    beginSuppressTokens: tokens(fields.begin),
    // Distilled models may carry over heads of layers that they no longer have.
    alignmentHeads: headList(config, path).filter(([layer, head]) => layer < nTextLayer && head < nTextHead),
    maxLength: Math.min(maxLength, nTextCtx),
  };
}

function tokenList(config: JsonObject, field: string, path: string): number[] {
  const list = config[field] ?? [];
  if (!Array.isArray(list) || !list.every(isIndex)) throw damaged(path, `${field} is no list of tokens`);
  return list;
}

function headList(config: JsonObject, path: string): [number, number][] {
  const { alignment_heads } = config;
  const list = alignment_heads ?? [];
  const isHead = (item: unknown): item is [number, number] =>
    Array.isArray(item) && item.length === 2 && item.every(isIndex);
  if (!Array.isArray(list) || !list.every(isHead))
    throw damaged(path, 'alignment_heads is no list of [layer, head] pairs');
  return list;
}

function isIndex(value: unknown): value is number {
  return Number.isSafeInteger(value) && Number(value) >= 0;
}
