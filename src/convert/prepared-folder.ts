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

/** What a prepared folder says of itself; written last. */
const preparedManifest = v.object({
  /** The checkpoint it was made of. */
  source: v.string(),
  dtype: v.string(),
  /** Every file of the folder but this one. */
  files: v.pipe(
    v.record(innerPath, sealedFile),
    v.check((files) => Object.keys(files).length > 0),
  ),
  /** What else the target wants to remember, such as the soc and CANN versions. */
  target: v.record(v.string(), v.string()),
});

type PreparedManifest = v.InferOutput<typeof preparedManifest>;

/** Where a model's prepared folders live. */
export interface PreparedPlace {
  /** The store. */
  readonly store: string;
  /** The model's name in it. */
  readonly model: string;
}

/** What a finished folder is to be. */
export interface WantedFolder {
  /** The variant's name, such as cpu-x64-f32-v1-0123456789ab. */
  readonly name: string;
  /** Files that it must have; it may have more, and may have been built with fewer before. */
  readonly files: readonly string[];
}

export interface FolderPlan extends WantedFolder {
  /** What building it will write, for messages. */
  readonly neededBytes: number;
  /** Fills an empty folder. */
  build(request: BuildRequest): Promise<BuiltFolder>;
}

export interface BuildRequest {
  /** The folder to fill. Nobody else writes to it, and nobody reads it before it is finished. */
  readonly directory: string;
  /** Those of the plan's files that the finished folder does not have yet. */
  readonly missing: readonly string[];
  /** Aborted when the caller's is, or when another process took over. */
  readonly signal: AbortSignal;
}

export interface BuiltFolder extends Omit<PreparedManifest, 'files'> {
  /** The SHA-256, in hex, of what was meant to be written to files, as far as that is known. */
  readonly written?: ReadonlyMap<string, string>;
}

export interface PrepareCallbacks {
  /** Told of a folder that is there and cannot be used, before it is made again. */
  readonly onDamage?: ((message: string) => void) | undefined;
}

const manifestFile = 'manifest.json';

/** The folder that is wanted, if it is there with all that it must have. */
export async function findPrepared(
  { store, model }: PreparedPlace,
  { name, files }: WantedFolder,
): Promise<string | undefined> {
  const directory = join(preparedDirectory(store, model), name);
  const state = await inspect(directory);
  return hasAll(state, files) ? directory : undefined;
}

/** A prepared folder as it is found. */
type FolderState = { readonly manifest: PreparedManifest } | { readonly problem: string; readonly isMissing: boolean };

/** What a prepared folder says that it holds, wherever it lies now; nothing where it says nothing. */
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
 * Builds a folder under a name of its own and renames it: it appears whole or not at all, whenever this process is killed
 * or suspended. A whole folder that lacks some of the plan's files is replaced by one that has them too. Who asks for it
 * meanwhile, here or in another process, waits and gets the same folder.
 *
 * @throws ModelError when the store cannot be written; whatever `build` throws
 */
export async function buildPrepared(
  place: PreparedPlace,
  plan: FolderPlan,
  { signal, onDamage }: PrepareCallbacks & { readonly signal?: AbortSignal | undefined } = {},
): Promise<string> {
  const parent = preparedDirectory(place.store, place.model);
  const target = join(parent, plan.name);
  try {
    await makeFolder(parent);
    await withLock(locksDirectory(place.store), place.model, { signal }, async (lockSignal) => {
      const staging = stagingPath(target);
      try {
        await mkdir(staging);
        await clearLeftovers(parent, staging);
        const before = await inspect(target);
        if (hasAll(before, plan.files)) return;
        if ('problem' in before && !before.isMissing)
          onDamage?.(`${target} is damaged and is made again: ${before.problem}`);
        await fill(staging, target, plan, { before, signal: lockSignal });
        await publish(staging, target, async (directory) => hasAll(await inspect(directory), plan.files));
      } finally {
        await rm(staging, { recursive: true, force: true });
      }
    });
    return target;
  } catch (error) {
    throw storeError(error, parent, plan.neededBytes);
  }
}

/** Makes all of a folder's files, the manifest last. */
async function fill(
  staging: string,
  target: string,
  plan: FolderPlan,
  { before, signal }: { readonly before: FolderState; readonly signal: AbortSignal },
): Promise<void> {
  const missing = missingFrom(before, plan.files);
  const { written, ...said } = await plan.build({ directory: staging, missing, signal });
  const kept: Record<string, SealedFile> = 'manifest' in before ? before.manifest.files : {};
  for (const file of Object.keys(kept)) await keepFile(target, staging, file);
  const files: Record<string, SealedFile> = {};
  for (const file of await filesBelow(staging)) {
    signal.throwIfAborted();
    files[file] = kept[file] ?? (await sealFile(join(staging, file), written?.get(file), signal));
  }
  const lacking = plan.files.filter((file) => files[file] === undefined);
  if (lacking.length > 0) throw new Error(`${lacking.join(', ')} not built`);
  const manifest: PreparedManifest = { ...('manifest' in before ? before.manifest : said), files };
  await writeFile(join(staging, manifestFile), `${JSON.stringify(manifest, null, 2)}\n`, { flush: true });
  signal.throwIfAborted();
}

/** A file of the folder that there is goes into the new one too, which takes no space where the disk knows links. */
async function keepFile(from: string, to: string, file: string): Promise<void> {
  await makeFolder(dirname(join(to, file)));
  await rm(join(to, file), { force: true });
  await link(join(from, file), join(to, file)).catch(async (error: NodeJS.ErrnoException) => {
    if (!['EPERM', 'ENOTSUP', 'ENOSYS', 'EMLINK'].includes(error.code ?? '')) throw error;
    await copyFile(join(from, file), join(to, file));
  });
}

/**
 * Removes what processes left that have ended. What one of them had finished, or moved aside for a moment, is put into its
 * place instead if that is free.
 */
async function clearLeftovers(parent: string, staging: string): Promise<void> {
  for (const { path, target, isDead } of await findLeftovers(parent, staging)) {
    if (!isDead) continue;
    const isFinished = 'manifest' in (await inspect(path));
    if (isFinished && (await renameUnlessOccupied(path, target))) continue;
    await rm(path, { recursive: true, force: true });
  }
}

/** Writes a file of a folder under construction. @returns its SHA-256, of what is in memory */
export async function writeHashed(path: string, content: string | Uint8Array): Promise<string> {
  await writeFile(path, content, { flush: true });
  return createHash('sha256').update(content).digest('hex');
}

/** How much of a file's beginning and end goes into its fingerprint. */
const sampleBytes = 1 << 20;

/**
 * A short name for these very weights: from the size, the date, the beginning (with the header) and the end of each file. A
 * checkpoint that gets other weights is another model, also where they are changed in place.
 */
export async function fingerprint({ tensors }: Checkpoint): Promise<string> {
  const hash = createHash('sha256');
  for (const path of new Set([...tensors.values()].map((entry) => entry.file))) {
    await using file = await open(path);
    const { size, mtimeMs } = await file.stat();
    hash.update(`${basename(path)} ${size} ${Math.round(mtimeMs)}\n`);
    for (const position of [0, Math.max(sampleBytes, size - sampleBytes)]) {
      const { buffer, bytesRead } = await file.read({ buffer: Buffer.alloc(sampleBytes), position });
      hash.update(buffer.subarray(0, bytesRead));
    }
  }
  return hash.digest('hex').slice(0, 12);
}
