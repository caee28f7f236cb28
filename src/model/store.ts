import { readdir, rm, rmdir } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { ModelError } from '../errors.ts';
import type { CheckpointFormat } from './checkpoint-files.ts';
import { withLock } from './lock.ts';
import { isBeingMade, isUnfinished, renameIfThere, stagingPath, targetOf } from './staging.ts';
import { storeError } from './store-error.ts';
import { inspectCheckpoint } from './stored-checkpoint.ts';

// <store>/checkpoints/<name>/   files as fetched, with a manifest.json
// <store>/prepared/<name>/<variant>/   graphs, weights and OMs built from it, with a manifest.json
// <store>/locks/   who is making what
// <store>/logs/   what atc said
// What is not finished yet lies beside its place, under a name of its own (staging.ts).

/** A whole checkpoint in the store. */
export interface StoredModel {
  readonly name: string;
  readonly format: CheckpointFormat;
  readonly source: string;
  readonly sizeBytes: number;
  readonly directory: string;
  /** Names of what was built from it: the folders in `prepared/<name>/`. */
  readonly prepared: readonly string[];
}

/**
 * The store's folder: `WHISPER_NPU_HOME`, else `whisper-npu` in the XDG cache folder.
 *
 * @throws ModelError 'NO_HOME_FOLDER' where nothing says what that is
 */
export function storeDirectory(env: Readonly<Record<string, string | undefined>>): string {
  if (env['WHISPER_NPU_HOME']) return env['WHISPER_NPU_HOME'];
  const cache = cacheHome(env);
  if (cache !== undefined) return join(cache, 'whisper-npu');
  throw new ModelError('NO_HOME_FOLDER', 'there is no folder for models: this user has no home folder', {
    hint: 'Name a folder that this user can write in WHISPER_NPU_HOME.',
  });
}

/** `XDG_CACHE_HOME`, else `~/.cache`; undefined for a user without a home folder, as many have in containers. */
export function cacheHome(env: Readonly<Record<string, string | undefined>>): string | undefined {
  if (env['XDG_CACHE_HOME']) return env['XDG_CACHE_HOME'];
  const home = env['HOME'] || ownHome();
  return home === undefined ? undefined : join(home, '.cache');
}

function ownHome(): string | undefined {
  try {
    return homedir();
  } catch (error) {
    // uv_os_homedir finds no entry in /etc/passwd.
    if ((error as NodeJS.ErrnoException).code === 'ERR_SYSTEM_ERROR') return undefined;
    throw error;
  }
}

/** The folder of a fetched checkpoint. */
export function checkpointDirectory(store: string, name: string): string {
  return join(store, 'checkpoints', name);
}

/** The folder of everything built from a model; one folder per variant (target, dtype, graph version) goes inside. */
export function preparedDirectory(store: string, name: string): string {
  return join(store, 'prepared', name);
}

/** The folder of lock files. */
export function locksDirectory(store: string): string {
  return join(store, 'locks');
}

/** The checkpoint of that name, or why it cannot be used. */
export type StoredState = { readonly model: StoredModel } | { readonly problem: string; readonly isMissing: boolean };

/** Looks for a checkpoint by its name, and whether each of its files is as it was when it was stored. */
export async function inspectStored(store: string, name: string, signal?: AbortSignal): Promise<StoredState> {
  const directory = checkpointDirectory(store, name);
  const state = await inspectCheckpoint(directory, signal);
  if ('problem' in state) return state;
  const { format, source, files } = state.manifest;
  const model = {
    name,
    format,
    source,
    sizeBytes: files.reduce((sum, file) => sum + file.sizeBytes, 0),
    directory,
    prepared: (await namesIn(preparedDirectory(store, name))).filter((folder) => !isUnfinished(folder)),
  };
  return { model };
}

/** The whole checkpoints of the store, by name. */
export async function listModels(store: string): Promise<StoredModel[]> {
  const names = (await namesIn(join(store, 'checkpoints'))).filter((name) => !isUnfinished(name));
  const states = await Promise.all(names.map((name) => inspectStored(store, name)));
  return states.flatMap((state) => ('model' in state ? [state.model] : []));
}

/**
 * Deletes a checkpoint, whole or half fetched, and all that was built from it. Waits for a pull that is under way.
 *
 * @throws ModelError `MODEL_NOT_STORED`, or when the store cannot be written
 */
export async function removeModel(store: string, name: string, signal?: AbortSignal): Promise<void> {
  if (!/^\w[\w.-]*$/.test(name) || (await foldersOf(store, name)).length === 0)
    throw new ModelError('MODEL_NOT_STORED', `${name} is not in the store ${store}`);
  try {
    await withLock(locksDirectory(store), name, { signal }, async () => {
      for (const folder of await foldersOf(store, name)) {
        // First it loses its name: killed half way, what is left is unfinished, not a damaged model.
        const aside = stagingPath(folder);
        if (await renameIfThere(folder, aside)) await rm(aside, { recursive: true, force: true });
      }
      await removeIfEmpty(preparedDirectory(store, name));
    });
  } catch (error) {
    throw storeError(error, store);
  }
}

/** All that a model has in the store, but what a process is at work on that lost its lock. */
async function foldersOf(store: string, name: string): Promise<string[]> {
  const checkpoints = join(store, 'checkpoints');
  const itsCheckpoints = (await namesIn(checkpoints)).filter((each) => each === name || targetOf(each) === name);
  const prepared = preparedDirectory(store, name);
  const itsPrepared = await namesIn(prepared);
  return [
    ...itsCheckpoints.map((each) => join(checkpoints, each)),
    ...itsPrepared.map((each) => join(prepared, each)),
  ].filter((folder) => !isBeingMade(folder));
}

async function removeIfEmpty(folder: string): Promise<void> {
  await rmdir(folder).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'ENOENT' && error.code !== 'ENOTEMPTY') throw error;
  });
}

async function namesIn(directory: string): Promise<string[]> {
  const names = await readdir(directory).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT' || error.code === 'ENOTDIR') return []; // nothing has been stored yet
    throw storeError(error, directory);
  });
  return names.sort();
}
