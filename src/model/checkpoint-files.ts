import { readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';

/** How a checkpoint is laid out: as Hugging Face publishes it, or as CTranslate2 (faster-whisper) converts it. */
export type CheckpointFormat = 'huggingface' | 'ctranslate2';

/** What a folder holds: a whole checkpoint, or why it is none. */
export type Inspection = { readonly format: CheckpointFormat } | { readonly problem: string };

/** Looks whether a folder has every file a checkpoint needs, by name; contents are not read. Links are followed. */
export async function inspectFolder(directory: string): Promise<Inspection> {
  const missing = async (files: readonly string[]) => {
    const present = await Promise.all(files.map((file) => isFilled(join(directory, file))));
    return files.filter((_, i) => !present[i]);
  };
  const candidates = ['model.safetensors', 'model.safetensors.index.json', 'model.bin'];
  const absent = await missing(candidates);
  const weights = candidates.find((file) => !absent.includes(file));
  if (weights === undefined) {
    const pytorchOnly = (await missing(['pytorch_model.bin'])).length === 0;
    return {
      problem: pytorchOnly
        ? 'has only PyTorch weights (pytorch_model.bin); model.safetensors is needed'
        : 'has no model.safetensors and no model.bin',
    };
  }
  const needed = ['config.json', 'tokenizer.json'];
  if (weights.endsWith('.index.json')) {
    const shards = shardsOf(await readFile(join(directory, weights), 'utf8'));
    if (shards === undefined) return { problem: `has an unreadable ${weights}` };
    needed.push(...shards);
  }
  const lacking = await missing(needed);
  if (lacking.length > 0) return { problem: `lacks ${lacking.join(', ')}` };
  return { format: weights === 'model.bin' ? 'ctranslate2' : 'huggingface' };
}

/**
 * The files that a `model.safetensors.index.json` spreads the weights over.
 *
 * @returns `undefined` if the text is no such index; names that are not plain file names never pass
 */
export function shardsOf(indexJson: string): string[] | undefined {
  const index = parseObject(indexJson);
  const map = index?.['weight_map'];
  if (typeof map !== 'object' || map === null) return undefined;
  const shards = [...new Set(Object.values(map))];
  const named = shards.every((shard) => typeof shard === 'string' && /^\w[\w.-]*\.safetensors$/.test(shard));
  return named && shards.length > 0 ? (shards as string[]).sort() : undefined;
}

/** @returns the object a JSON text holds, `undefined` if it holds none */
export function parseObject(json: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(json);
    return typeof value === 'object' && value !== null && !Array.isArray(value)
      ? (value as Record<string, unknown>)
      : undefined;
  } catch {
    return undefined;
  }
}

async function isFilled(path: string): Promise<boolean> {
  const status = await stat(path).catch(() => undefined);
  return status?.isFile() === true && status.size > 0;
}
