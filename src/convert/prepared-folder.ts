import { createHash } from 'node:crypto';
import { mkdir, open, readdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { basename, dirname, join, sep } from 'node:path';
import type { Checkpoint } from '../model/checkpoint.ts';
import { withLock } from '../model/lock.ts';
import { makeFolder } from '../model/make-folder.ts';
import { locksDirectory, preparedDirectory } from '../model/store.ts';
import { storeError } from '../model/store-error.ts';

/** What a prepared folder says of itself; written last. */
export interface PreparedManifest {
  /** The checkpoint it was made of. */
  readonly source: string;
  readonly dtype: string;
  /** Sizes of the files in the folder: one that is cut short makes the folder worthless. */
  readonly sizeBytes: Readonly<Record<string, number>>;
  /** What else the target wants to remember, such as the soc and CANN versions. */
  readonly target: Readonly<Record<string, string>>;
}

/** Where a model's prepared folders live. */
export interface PreparedPlace {
  /** The store. */
  readonly store: string;
  /** The model's name in it. */
  readonly model: string;
}

export interface FolderPlan {
  /** The variant's name, such as cpu-x64-f32-v1-0123456789ab. */
  readonly name: string;
  /** What building it will write, for messages. */
  readonly neededBytes: number;
  /** Files that it must have, where it may have been built with fewer before. */
  readonly files?: readonly string[];
  /**
   * Fills an empty folder and says what the manifest shall hold.
   *
   * @param missing those of `files` that the finished folder does not have yet
   */
  build(directory: string, missing: readonly string[]): Promise<Omit<PreparedManifest, 'sizeBytes'>>;
}

const manifestFile = 'manifest.json';
const unfinishedSuffix = '.unfinished';

/** The folder of that name if it is there and whole, and has these files. */
export async function findPrepared(
  { store, model }: PreparedPlace,
  name: string,
  files: readonly string[] = [],
): Promise<string | undefined> {
  const directory = join(preparedDirectory(store, model), name);
  const manifest = await wholeManifest(directory);
  return manifest !== undefined && missingFrom(manifest, files).length === 0 ? directory : undefined;
}

function missingFrom({ sizeBytes }: PreparedManifest, files: readonly string[]): string[] {
  return files.filter((file) => sizeBytes[file] === undefined);
}

/**
 * Builds a folder under another name and renames it: it appears whole or not at all, whenever this process is killed. A
 * whole folder that lacks some of the plan's files gets those, built aside as well, and keeps what it has. Who asks for it meanwhile, here or in another process, waits and gets the same folder.
 *
 * @throws ModelError when the store cannot be written; whatever `build` throws
 */
export async function buildPrepared(place: PreparedPlace, plan: FolderPlan, signal?: AbortSignal): Promise<string> {
  const parent = preparedDirectory(place.store, place.model);
  const target = join(parent, plan.name);
  const unfinished = `${target}${unfinishedSuffix}`;
  try {
    await makeFolder(parent);
    return await withLock(locksDirectory(place.store), place.model, { signal }, async () => {
      const before = await wholeManifest(target);
      const missing = before === undefined ? (plan.files ?? []) : missingFrom(before, plan.files ?? []);
      if (before !== undefined && missing.length === 0) return target;
      await removeUnfinished(parent);
      if (before === undefined) await rm(target, { recursive: true, force: true });
      await mkdir(unfinished);
      try {
        const manifest = { ...(await plan.build(unfinished, missing)), sizeBytes: await fileSizes(unfinished) };
        if (before === undefined) {
          await writeManifest(unfinished, manifest);
          await rename(unfinished, target);
        } else await addFiles(unfinished, target, before, manifest.sizeBytes);
      } finally {
        await rm(unfinished, { recursive: true, force: true });
      }
      return target;
    });
  } catch (error) {
    throw storeError(error, parent, plan.neededBytes);
  }
}

function writeManifest(directory: string, manifest: PreparedManifest): Promise<void> {
  return writeFile(join(directory, manifestFile), `${JSON.stringify(manifest, null, 2)}\n`);
}

/** Moves files into a folder that lives: one it has already keeps its place, and what needs others comes after them. */
async function addFiles(
  from: string,
  target: string,
  before: PreparedManifest,
  sizeBytes: PreparedManifest['sizeBytes'],
): Promise<void> {
  const added = Object.keys(sizeBytes).filter((file) => before.sizeBytes[file] === undefined);
  const depth = (file: string) => file.split(sep).length;
  for (const file of added.sort((a, b) => depth(b) - depth(a))) {
    await makeFolder(dirname(join(target, file)));
    await rename(join(from, file), join(target, file));
  }
  await writeManifest(from, { ...before, sizeBytes: { ...sizeBytes, ...before.sizeBytes } });
  await rename(join(from, manifestFile), join(target, manifestFile));
}

/** Removes what killed processes left behind; whoever holds the lock knows that nobody is at work on it. */
async function removeUnfinished(parent: string): Promise<void> {
  for (const name of await readdir(parent)) {
    if (name.endsWith(unfinishedSuffix)) await rm(join(parent, name), { recursive: true, force: true });
  }
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
    hash.update(`${basename(path)} ${size} ${mtimeMs}\n`);
    for (const position of [0, Math.max(sampleBytes, size - sampleBytes)]) {
      const { buffer, bytesRead } = await file.read({ buffer: Buffer.alloc(sampleBytes), position });
      hash.update(buffer.subarray(0, bytesRead));
    }
  }
  return hash.digest('hex').slice(0, 12);
}

/** What a prepared folder says of itself; undefined where that cannot be read. */
async function readPrepared(directory: string): Promise<PreparedManifest | undefined> {
  try {
    return JSON.parse(await readFile(join(directory, manifestFile), 'utf8')) as PreparedManifest;
  } catch {
    return undefined; // whatever is missing or unreadable is built anew
  }
}

/** The manifest of a folder that has every file it names. */
async function wholeManifest(directory: string): Promise<PreparedManifest | undefined> {
  const manifest = await readPrepared(directory);
  if (manifest === undefined) return undefined;
  const sizes = await fileSizes(directory);
  const isWhole = Object.entries(manifest.sizeBytes).every(([file, size]) => sizes[file] === size);
  return isWhole ? manifest : undefined;
}

/** Sizes by path inside the folder. */
async function fileSizes(directory: string): Promise<Record<string, number>> {
  const sizes: Record<string, number> = {};
  for (const file of (await readdir(directory, { recursive: true })).sort()) {
    const info = await stat(join(directory, file));
    if (info.isFile()) sizes[file] = info.size;
  }
  return sizes;
}
