import { readdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { ModelError } from '../errors.ts';
import { type CheckpointFormat, parseObject } from './checkpoint-files.ts';
import { withLock } from './lock.ts';
import { storeError } from './store-error.ts';

// <store>/checkpoints/<name>/   files as fetched; a checkpoint is whole once its manifest.json is there
// <store>/prepared/<name>/<variant>/   graphs, weights and OMs built from it
// <store>/locks/   who is fetching what

/** One file of a fetched checkpoint. */
export interface StoredFile {
  readonly name: string;
  readonly sizeBytes: number;
  /** Hex. */
  readonly sha256: string;
}

/** What `manifest.json` says of a fetched checkpoint. It is written last: without it the checkpoint is not whole. */
export interface Manifest {
  readonly version: 1;
  readonly format: CheckpointFormat;
  /** Where the files came from. */
  readonly source: string;
  readonly files: readonly StoredFile[];
}

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

const manifestFile = 'manifest.json';

/** The store's folder: `WHISPER_NPU_HOME`, else `whisper-npu` in the XDG cache folder. */
export function storeDirectory(env: Readonly<Record<string, string | undefined>>): string {
  return env['WHISPER_NPU_HOME'] || join(cacheHome(env), 'whisper-npu');
}

/** `XDG_CACHE_HOME`, else `~/.cache`. */
export function cacheHome(env: Readonly<Record<string, string | undefined>>): string {
  return env['XDG_CACHE_HOME'] || join(env['HOME'] || homedir(), '.cache');
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

/** The checkpoint of that name, if it is whole: its manifest is there and every file has its size. */
export async function readStored(store: string, name: string): Promise<StoredModel | undefined> {
  const directory = checkpointDirectory(store, name);
  const manifest = await readManifest(directory);
  if (manifest === undefined) return undefined;
  for (const file of manifest.files) {
    const status = await stat(join(directory, file.name)).catch(() => undefined);
    if (status?.size !== file.sizeBytes) return undefined;
  }
  return {
    name,
    format: manifest.format,
    source: manifest.source,
    sizeBytes: manifest.files.reduce((sum, file) => sum + file.sizeBytes, 0),
    directory,
    prepared: await namesIn(preparedDirectory(store, name)),
  };
}

/** Declares a checkpoint whole: drops what is not listed (parts, leftovers of other sources), then writes the manifest. */
export async function writeManifest(directory: string, manifest: Manifest): Promise<void> {
  const listed = new Set(manifest.files.map((file) => file.name));
  for (const name of await namesIn(directory)) {
    // A pip whose parent was killed may still be putting files there.
    if (!listed.has(name)) await rm(join(directory, name), { recursive: true, force: true, maxRetries: 5 });
  }
  const path = join(directory, manifestFile);
  await writeFile(`${path}.new`, `${JSON.stringify(manifest, undefined, 2)}\n`, { flush: true });
  await rename(`${path}.new`, path);
}

/** The whole checkpoints of the store, by name. */
export async function listModels(store: string): Promise<StoredModel[]> {
  const names = await namesIn(join(store, 'checkpoints'));
  const models = await Promise.all(names.map((name) => readStored(store, name)));
  return models.filter((model) => model !== undefined);
}

/**
 * Deletes a checkpoint, whole or half fetched, and all that was built from it. Waits for a pull that is under way.
 *
 * @throws ModelError `MODEL_NOT_STORED`, or when the store cannot be written
 */
export async function removeModel(store: string, name: string, signal?: AbortSignal): Promise<void> {
  const folders = [checkpointDirectory(store, name), preparedDirectory(store, name)];
  const there = await Promise.all(folders.map((folder) => stat(folder).catch(() => undefined)));
  if (!/^\w[\w.-]*$/.test(name) || there.every((status) => status === undefined))
    throw new ModelError('MODEL_NOT_STORED', `${name} is not in the store ${store}`);
  try {
    await withLock(locksDirectory(store), name, { signal }, async () => {
      // First the manifest: killed half way, what is left is an unfinished download, not a damaged model.
      await rm(join(checkpointDirectory(store, name), manifestFile), { force: true });
      for (const folder of folders) await rm(folder, { recursive: true, force: true });
    });
  } catch (error) {
    throw storeError(error, store);
  }
}

async function readManifest(directory: string): Promise<Manifest | undefined> {
  const text = await readFile(join(directory, manifestFile), 'utf8').catch(() => '');
  const manifest = parseObject(text);
  const whole = manifest?.['version'] === 1 && Array.isArray(manifest['files']);
  return whole ? (manifest as unknown as Manifest) : undefined;
}

async function namesIn(directory: string): Promise<string[]> {
  const names = await readdir(directory).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return []; // nothing has been stored yet
    throw storeError(error, directory);
  });
  return names.sort();
}
