import { createHash } from 'node:crypto';
import { realpath, stat } from 'node:fs/promises';
import { basename } from 'node:path';
import { shellCommand } from '../child-program.ts';
import { ModelError } from '../errors.ts';
import { publishedModel } from './catalog.ts';
import { type CheckpointFormat, inspectFolder } from './checkpoint-files.ts';
import { defaultTimeouts, type PullEvent, SourceError, type SourceName, type Timeouts } from './fetch/context.ts';
import { fetchModel } from './fetch/fetch-model.ts';
import { findInHubCache } from './fetch/hub-cache.ts';
import { inspectStored } from './store.ts';

/** A checkpoint on disk. */
export interface ModelFiles {
  /** Folder-safe and distinct for distinct checkpoints: `whisper-base`, `distil-whisper--distil-large-v3`, `mine-1f0c22ab`. */
  readonly name: string;
  readonly directory: string;
  readonly format: CheckpointFormat;
  /** For people: `local folder`, `store`, `Hugging Face cache`, `https://…`, `Python package index`. */
  readonly source: string;
}

/** Where models are kept and how they may be fetched. */
export interface ModelContext {
  readonly storeDirectory: string;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** The one place to fetch from; a folder and the store come first all the same. */
  readonly source?: SourceName | undefined;
  /** Use what is on this machine, or fail. `HF_HUB_OFFLINE=1` says so too. */
  readonly offline?: boolean | undefined;
  /** Takes a text for a name and never for a folder: it may come from a stranger. */
  readonly namesOnly?: boolean | undefined;
  readonly signal?: AbortSignal | undefined;
  readonly onEvent?: ((event: PullEvent) => void) | undefined;
  readonly fetch?: typeof fetch | undefined;
  readonly timeouts?: Partial<Timeouts> | undefined;
}

/**
 * Finds a model's files, fetching them if need be: a folder, the store, the local Hugging Face cache, then the network. A
 * model of the store that is damaged counts as missing, and is fetched again.
 *
 * @param spec a name (`whisper-medium`, `medium`), a hub id (`openai/whisper-medium`) or a folder
 * @throws ModelError `MODEL_UNKNOWN`, `MODEL_FOLDER_UNUSABLE`, `MODEL_OFFLINE`, `MODEL_DAMAGED` (offline),
 *   `MODEL_NOT_FETCHED`, `MODEL_DISK_FULL`, `MODEL_STORE_NOT_WRITABLE`; the signal's reason when aborted
 */
export async function resolveModel(spec: string, context: ModelContext): Promise<ModelFiles> {
  const folder = context.namesOnly ? undefined : await localFolder(spec);
  if (folder !== undefined) return folder;
  const model = publishedModel(spec);
  const stored = await inspectStored(context.storeDirectory, model.name, context.signal);
  if ('model' in stored) return { ...filesOf(stored.model), source: 'store' };

  const { env, source } = context;
  const inner = {
    env,
    fetch: context.fetch ?? fetch,
    timeouts: { ...defaultTimeouts, ...context.timeouts },
    signal: context.signal ?? new AbortController().signal,
    onEvent: context.onEvent ?? (() => undefined),
  };
  const triedBefore: string[] = [];
  if (source === undefined || source === 'cache') {
    try {
      const found = await findInHubCache(model, inner);
      return { ...found, name: model.name, source: 'Hugging Face cache' };
    } catch (error) {
      if (!(error instanceof SourceError)) throw error;
      triedBefore.push(`Hugging Face cache: ${error.message}`);
    }
  }
  if (context.offline || /^(1|on|true|yes)$/i.test(env['HF_HUB_OFFLINE'] ?? ''))
    throw stored.isMissing
      ? new ModelError('MODEL_OFFLINE', `${model.name} is not on this machine, and fetching is off`, {
          hint: `fetch it once: ${shellCommand('whisper-npu', 'pull', spec)}`,
        })
      : new ModelError(
          'MODEL_DAMAGED',
          `${model.name} in the store is damaged (${stored.problem}), and fetching is off`,
          {
            hint: `fetch it again: ${shellCommand('whisper-npu', 'pull', spec)}`,
          },
        );
  if (!stored.isMissing) inner.onEvent({ kind: 'damaged', model: model.name, problem: stored.problem });
  const fetched = await fetchModel({ model, storeDirectory: context.storeDirectory, source, triedBefore }, inner);
  return filesOf(fetched);
}

function filesOf({ name, directory, format, source }: ModelFiles): ModelFiles {
  return { name, directory, format, source };
}

async function localFolder(spec: string): Promise<ModelFiles | undefined> {
  const isPath = /^[.~]?[/\\]|^\.\.[/\\]|^\.\.?$/.test(spec);
  const status = await stat(spec).catch(() => undefined);
  if (status === undefined && !isPath) return undefined;
  const problem = async () => {
    if (status === undefined) return 'does not exist';
    if (!status.isDirectory()) return 'is a file; the folder around it is wanted';
    return undefined;
  };
  const found = (await problem()) ?? (await inspectFolder(spec));
  if (typeof found === 'object' && 'format' in found) {
    const directory = await realpath(spec);
    // Two folders may share their last name, and what is prepared from one must not pass for the other's.
    const mark = createHash('sha256').update(directory).digest('hex').slice(0, 8);
    const name = `${basename(directory)
      .replace(/[^\w.-]/g, '_')
      .slice(0, 64)}-${mark}`;
    return { name, directory, format: found.format, source: 'local folder' };
  }
  // A folder or file that merely shares a model's name does not hide the model.
  if (!isPath && !/[/\\]/.test(spec)) return undefined;
  throw new ModelError('MODEL_FOLDER_UNUSABLE', `${spec} ${typeof found === 'string' ? found : found.problem}`, {
    hint: 'a model folder holds config.json, tokenizer.json and model.safetensors (Hugging Face) or model.bin (CTranslate2)',
  });
}
