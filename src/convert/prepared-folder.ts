import { createHash } from 'node:crypto';
import { access, copyFile, link, mkdir, open, rm, writeFile } from 'node:fs/promises';
import { basename, dirname, isAbsolute, join, normalize } from 'node:path';
import * as v from 'valibot';
import type { Checkpoint } from '../model/checkpoint.ts';
import { withLock } from '../model/lock.ts';
import { makeFolder } from '../model/make-folder.ts';
import { filesBelow, findFault, type SealedFile, sealedFile, sealFile } from '../model/sealed-files.ts';
import { findLeftovers, publish, renameUnlessOccupied, stagingPath } from '../model/staging.ts';
import { locksDirectory, preparedDirectory } from '../model/store.ts';
import { storeError } from '../model/store-error.ts';
import { readStoredJson } from '../model/stored-json.ts';

/** A path inside the folder: what a manifest was made to say must not lead elsewhere. */
const innerPath = v.pipe(
  v.string(),
  v.check((path) => path !== '' && !isAbsolute(path) && normalize(path) === path && !path.startsWith('..')),
  v.check((path) => !path.includes('\0')),
);

/** The manifest of a prepared folder, which is written last: without it the folder is incomplete. */
const preparedManifest = v.object({
  /** The folder of the checkpoint that it was made from. */
  source: v.string(),
  dtype: v.string(),
  /** Every file of the folder except the manifest. */
  files: v.pipe(
    v.record(innerPath, sealedFile),
    v.check((files) => Object.keys(files).length > 0),
  ),
  /** What it was made for: the device, and for an NPU the chip (soc) and the version of atc. */
  target: v.record(v.string(), v.string()),
});

type PreparedManifest = v.InferOutput<typeof preparedManifest>;

/** The model whose prepared folders are meant. */
export interface ModelLocation {
  /** The store. */
  readonly store: string;
  /** The model's name in it. */
  readonly model: string;
}

/** The folder that is wanted: its name and its files. */
export interface FolderRequest {
  /** The variant's name, such as cpu-x64-f32-v1-0123456789ab. */
  readonly name: string;
  /** The files that it must have. It may have more; an existing folder with fewer is extended. */
  readonly files: readonly string[];
}

export interface FolderPlan extends FolderRequest {
  /** How many bytes building it will write, for messages. */
  readonly neededBytes: number;
  /** Writes the missing files into a staging folder. */
  build(request: BuildRequest): Promise<BuiltFolder>;
}

export interface BuildRequest {
  /** The staging folder. Nobody else writes to it, and nobody reads it before it is published. */
  readonly directory: string;
  /** The files of the plan that the existing folder lacks. */
  readonly missing: readonly string[];
  /** Aborted when the caller's signal is, or when another process has taken over the lock. */
  readonly signal: AbortSignal;
}

export interface BuiltFolder extends Omit<PreparedManifest, 'files'> {
  /** The SHA-256 (hex) of the content that was written to files, where it is known. */
  readonly written?: ReadonlyMap<string, string>;
}

export interface PrepareCallbacks {
  /** Called for a damaged folder before it is built again. */
  readonly onDamage?: ((message: string) => void) | undefined;
}

const manifestFile = 'manifest.json';

/** The path of a folder, if it exists with all files that are wanted. */
export async function findPrepared(
  { store, model }: ModelLocation,
  { name, files }: FolderRequest,
): Promise<string | undefined> {
  const directory = join(preparedDirectory(store, model), name);
  const state = await inspect(directory);
  return hasAll(state, files) ? directory : undefined;
}

/** The state of an existing prepared folder: its manifest, or why it cannot be used. */
type FolderState = { readonly manifest: PreparedManifest } | { readonly problem: string; readonly isMissing: boolean };

/** The files that the manifest of a prepared folder lists, wherever the folder lies; none without a manifest. */
export async function listedFiles(directory: string): Promise<string[]> {
  const read = await readStoredJson(join(directory, manifestFile), preparedManifest);
  return 'problem' in read ? [] : Object.keys(read.value.files);
}

async function inspect(directory: string): Promise<FolderState> {
  const read = await readStoredJson(join(directory, manifestFile), preparedManifest);
  if ('problem' in read)
    return { problem: `${manifestFile} ${read.problem}`, isMissing: read.isMissing && !(await isThere(directory)) };
  const fault = await findFault(directory, Object.entries(read.value.files));
  return fault === undefined ? { manifest: read.value } : { problem: fault, isMissing: false };
}

async function isThere(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}

function hasAll(state: FolderState, files: readonly string[]): boolean {
  return 'manifest' in state && missingFrom(state, files).length === 0;
}

function missingFrom(state: FolderState, files: readonly string[]): string[] {
  return files.filter((file) => !('manifest' in state) || state.manifest.files[file] === undefined);
}

/**
 * Builds a prepared folder in a staging folder and renames that: it appears complete or not at all, whenever this process is
 * killed or suspended. An existing folder that lacks some of the plan's files is replaced by one that has them as well. A lock
 * makes other calls, here or in other processes, wait for the same folder.
 *
 * @throws ModelError when the store cannot be written; whatever `build` throws
 */
export async function buildPrepared(
  place: ModelLocation,
  plan: FolderPlan,
  { signal, onDamage }: PrepareCallbacks & { readonly signal?: AbortSignal | undefined } = {},
): Promise<string> {
  const parent = preparedDirectory(place.store, place.model);
  const destination = join(parent, plan.name);
  try {
    await makeFolder(parent);
    await withLock(locksDirectory(place.store), place.model, { signal }, async (lockSignal) => {
      const staging = stagingPath(destination);
      try {
        await mkdir(staging);
        await clearLeftovers(parent, staging);
        const existing = await inspect(destination);
        if (hasAll(existing, plan.files)) return;
        if ('problem' in existing && !existing.isMissing)
          onDamage?.(`${destination} is damaged and is made again: ${existing.problem}`);
        await fill(staging, destination, plan, { existing, signal: lockSignal });
        await publish(staging, destination, async (directory) => hasAll(await inspect(directory), plan.files));
      } finally {
        await rm(staging, { recursive: true, force: true });
      }
    });
    return destination;
  } catch (error) {
    throw storeError(error, parent, plan.neededBytes);
  }
}

/** Builds the missing files in the staging folder, adds the existing ones, and writes the manifest last. */
async function fill(
  staging: string,
  destination: string,
  plan: FolderPlan,
  { existing, signal }: { readonly existing: FolderState; readonly signal: AbortSignal },
): Promise<void> {
  const missing = missingFrom(existing, plan.files);
  const { written, ...description } = await plan.build({ directory: staging, missing, signal });
  const kept: Record<string, SealedFile> = 'manifest' in existing ? existing.manifest.files : {};
  for (const file of Object.keys(kept)) await keepFile(destination, staging, file);
  const files: Record<string, SealedFile> = {};
  for (const file of await filesBelow(staging)) {
    signal.throwIfAborted();
    files[file] = kept[file] ?? (await sealFile(join(staging, file), written?.get(file), signal));
  }
  const notBuilt = plan.files.filter((file) => files[file] === undefined);
  if (notBuilt.length > 0) throw new Error(`${notBuilt.join(', ')} not built`);
  const manifest: PreparedManifest = { ...('manifest' in existing ? existing.manifest : description), files };
  await writeFile(join(staging, manifestFile), `${JSON.stringify(manifest, null, 2)}\n`, { flush: true });
  signal.throwIfAborted();
}

/** Adds a file of the existing folder to the new one: as a hard link, or as a copy where the file system has no links. */
async function keepFile(from: string, to: string, file: string): Promise<void> {
  await makeFolder(dirname(join(to, file)));
  await rm(join(to, file), { force: true });
  await link(join(from, file), join(to, file)).catch(async (error: NodeJS.ErrnoException) => {
    if (!['EPERM', 'ENOTSUP', 'ENOSYS', 'EMLINK'].includes(error.code ?? '')) throw error;
    await copyFile(join(from, file), join(to, file));
  });
}

/**
 * Removes staging folders of processes that have ended. A complete one is renamed to its destination instead, if that is free.
 */
async function clearLeftovers(parent: string, staging: string): Promise<void> {
  for (const { path, target: destination, isDead } of await findLeftovers(parent, staging)) {
    if (!isDead) continue;
    const isFinished = 'manifest' in (await inspect(path));
    if (isFinished && (await renameUnlessOccupied(path, destination))) continue;
    await rm(path, { recursive: true, force: true });
  }
}

/** Writes a file of a staging folder. @returns the SHA-256 of the content, in hex */
export async function writeHashed(path: string, content: string | Uint8Array): Promise<string> {
  await writeFile(path, content, { flush: true });
  return createHash('sha256').update(content).digest('hex');
}

/** How many bytes of the beginning and of the end of a file are part of the fingerprint. */
const sampleBytes = 1 << 20;

/**
 * Identifies the weights of a checkpoint by the size, the date, the beginning (with the header) and the end of each of its files, so
 * that weights that are changed in place count as another model. 12 hexadecimal digits.
 *
 * @param isDated false for what is to be the same on other machines, where the same file has another date
 */
export async function fingerprint({ tensors }: Checkpoint, isDated = true): Promise<string> {
  const hash = createHash('sha256');
  for (const path of new Set([...tensors.values()].map((entry) => entry.file))) {
    await using file = await open(path);
    const { size, mtimeMs } = await file.stat();
    hash.update(`${basename(path)} ${size} ${isDated ? Math.round(mtimeMs) : ''}\n`);
    for (const position of [0, Math.max(sampleBytes, size - sampleBytes)]) {
      const { buffer, bytesRead } = await file.read({ buffer: Buffer.alloc(sampleBytes), position });
      hash.update(buffer.subarray(0, bytesRead));
    }
  }
  return hash.digest('hex').slice(0, 12);
}
