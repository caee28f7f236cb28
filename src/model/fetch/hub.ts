import { readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { ModelError } from '../../errors.ts';
import type { PublishedModel } from '../catalog.ts';
import { type CheckpointFormat, shardsOf } from '../checkpoint-files.ts';
import { readCTranslate2 } from '../ctranslate2.ts';
import { readJsonObject } from '../model-files.ts';
import { readSafetensors } from '../safetensors.ts';
import type { StoredFile } from '../stored-checkpoint.ts';
import { type FetchContext, SourceError, type SourceName } from './context.ts';
import { downloadFile } from './download.ts';

/** The files of a checkpoint that a source delivered. */
export interface Delivery {
  readonly format: CheckpointFormat;
  readonly files: readonly StoredFile[];
}

/** A site that serves repositories file by file. */
export interface Hub {
  readonly name: SourceName;
  /** What the user reads. */
  readonly label: string;
  readonly fileUrl: (repository: string, file: string) => string;
  readonly headers: Readonly<Record<string, string>>;
}

/** The hubs in the order they are tried: `HF_ENDPOINT` or Hugging Face, its mirror, ModelScope. */
export function hubs(env: Readonly<Record<string, string | undefined>>): Hub[] {
  const endpoint = (env['HF_ENDPOINT'] || 'https://huggingface.co').replace(/\/+$/, '');
  const mirror = 'https://hf-mirror.com';
  const modelScope = 'https://modelscope.cn';
  const token = env['HF_TOKEN'];
  const huggingFaceUrl = (base: string) => (repository: string, file: string) =>
    `${base}/${repository}/resolve/main/${file}`;
  return [
    {
      name: 'huggingface',
      label: endpoint,
      fileUrl: huggingFaceUrl(endpoint),
      headers: token ? { authorization: `Bearer ${token}` } : {},
    },
    { name: 'hf-mirror', label: mirror, fileUrl: huggingFaceUrl(mirror), headers: {} },
    {
      name: 'modelscope',
      label: modelScope,
      // OpenAI's repositories are mirrored there under another organisation, Systran's under their own.
      fileUrl: (repository, file) =>
        `${modelScope}/models/${repository.replace(/^openai\//, 'openai-mirror/')}/resolve/master/${file}`,
      headers: {},
    },
  ];
}

/**
 * Fetches a model's files from a hub into a folder.
 *
 * @throws SourceError if the hub does not have a needed file, or does not deliver it
 */
export async function fetchFromHub(
  hub: Hub,
  model: PublishedModel,
  directory: string,
  context: FetchContext,
): Promise<Delivery> {
  const get = (file: string) => getFile(hub, model, directory, file, context);
  const ifThere = (file: string) =>
    get(file).catch((error: unknown) => {
      if (error instanceof SourceError && error.status === 404) return undefined;
      throw error;
    });
  const firstOf = async (candidates: readonly string[]) => {
    for (const file of candidates) {
      const stored = await ifThere(file);
      if (stored !== undefined) return stored;
    }
    return undefined;
  };

  const files = [await get('config.json'), await get('tokenizer.json')];
  const weights = await firstOf(weightFiles(model.format));
  if (weights === undefined) throw new SourceError(`${model.repository} has no weights in a format read here`);
  files.push(weights);
  if (weights.name === 'model.bin') {
    files.push(...present([await firstOf(['vocabulary.txt', 'vocabulary.json'])]));
    files.push(...present([await ifThere('preprocessor_config.json')]));
    return { format: 'ctranslate2', files };
  }
  if (weights.name.endsWith('.index.json')) {
    const shards = shardsOf(await readFile(join(directory, weights.name), 'utf8'));
    if (shards === undefined) throw new SourceError(`${weights.name} is no index of shards`);
    for (const shard of shards) files.push(await get(shard));
  }
  for (const file of ['generation_config.json', 'tokenizer_config.json', 'preprocessor_config.json'])
    files.push(...present([await ifThere(file)]));
  return { format: 'huggingface', files };
}

function weightFiles(format: CheckpointFormat | undefined): string[] {
  const huggingFace = ['model.safetensors', 'model.safetensors.index.json'];
  if (format === 'huggingface') return huggingFace;
  return format === 'ctranslate2' ? ['model.bin'] : [...huggingFace, 'model.bin'];
}

function present(files: readonly (StoredFile | undefined)[]): StoredFile[] {
  return files.filter((file) => file !== undefined);
}

async function getFile(
  hub: Hub,
  model: PublishedModel,
  directory: string,
  file: string,
  context: FetchContext,
): Promise<StoredFile> {
  const path = join(directory, file);
  const url = hub.fileUrl(model.repository, file);
  try {
    const stored = await downloadFile({ url, headers: hub.headers, path, sha256: model.sha256[file] }, context);
    await checkContent(path);
    context.onEvent({ kind: 'file-done', file, sizeBytes: stored.sizeBytes });
    return stored;
  } catch (error) {
    if (!(error instanceof SourceError) || error.message.includes(file)) throw error;
    throw new SourceError(`${file}: ${error.message}`, { status: error.status, cause: error });
  }
}

/** Catches what no hash covers: an error page sent as a file, weights cut short. */
async function checkContent(path: string): Promise<void> {
  try {
    if (path.endsWith('.json')) await readJsonObject(path);
    else if (path.endsWith('.safetensors')) await readSafetensors(path);
    else if (path.endsWith('.bin')) readCTranslate2(path);
  } catch (error) {
    if (!(error instanceof ModelError)) throw error;
    // What is merely not supported would be no better when fetched again.
    if (error.code === 'MODEL_DAMAGED') await rm(path);
    throw new SourceError(error.message, { cause: error });
  }
}
