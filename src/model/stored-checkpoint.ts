import { readdir, rename, rm, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import * as v from 'valibot';
import { type CheckpointFormat, inspectFolder } from './checkpoint-files.ts';
import { findFault, type SealedFile, sealedFile, sealFile } from './sealed-files.ts';
import { stagingPath } from './staging.ts';
import { readStoredJson } from './stored-json.ts';

/** A file of a fetched checkpoint. */
export interface StoredFile {
  readonly name: string;
  readonly sizeBytes: number;
  /** Hex. */
  readonly sha256: string;
}

const plainName = v.pipe(
  v.string(),
  v.check((name) => name !== '' && basename(name) === name && name !== '.' && name !== '..' && !name.includes('\0')),
);

const storedManifest = v.object({
  version: v.literal(1),
  format: v.picklist(['huggingface', 'ctranslate2'] satisfies CheckpointFormat[]),
  /** Where the files came from. */
  source: v.string(),
  files: v.pipe(v.array(v.object({ name: plainName, ...sealedFile.entries })), v.minLength(1)),
});

/** What `manifest.json` says of a fetched checkpoint. It is written last: without it the checkpoint is not whole. */
export type StoredManifest = v.InferOutput<typeof storedManifest>;

const manifestFile = 'manifest.json';

/** A checkpoint folder as it is found: whole, damaged in some way, or not there. */
export type CheckpointState =
  | { readonly manifest: StoredManifest }
  | { readonly problem: string; readonly isMissing: boolean };

/** Checks a checkpoint folder of the store: its manifest, and every file against it. */
export async function inspectCheckpoint(directory: string, signal?: AbortSignal): Promise<CheckpointState> {
  const read = await readStoredJson(join(directory, manifestFile), storedManifest);
  if ('problem' in read) return { problem: `${manifestFile} ${read.problem}`, isMissing: read.isMissing };
  const manifest = read.value;
  const files = manifest.files.map(({ name, ...sealed }) => [name, sealed] as const);
  const fault = await findFault(directory, files, signal);
  if (fault !== undefined) return { problem: fault, isMissing: false };
  const found = await inspectFolder(directory);
  if ('problem' in found) return { problem: `it ${found.problem}`, isMissing: false };
  return { manifest: manifest.files.every(isDated) ? manifest : await dateFiles(directory, manifest) };
}

function isDated({ mtimeMs }: SealedFile): boolean {
  return mtimeMs !== undefined;
}

/** Manifests of versions up to 0.1 have no dates and samples: files that have just been hashed get them once. */
async function dateFiles(directory: string, manifest: StoredManifest): Promise<StoredManifest> {
  try {
    return await writeManifest(directory, manifest);
  } catch (error) {
    // Without them the files are hashed every time, where nobody can write.
    if (['EACCES', 'EPERM', 'EROFS', 'ENOSPC', 'EDQUOT'].includes((error as NodeJS.ErrnoException).code ?? ''))
      return manifest;
    throw error;
  }
}

/** A checkpoint whose files are all there, before it has a manifest. */
export interface DeliveredCheckpoint extends Omit<StoredManifest, 'files'> {
  /** With the SHA-256 of what was received, where it is known. */
  readonly files: readonly { readonly name: string; readonly sha256?: string }[];
}

/**
 * Declares a checkpoint whole: reads all of its files, and writes the manifest.
 *
 * @throws ModelError 'MODEL_STORE_DAMAGED' where a file does not hold what was received
 */
export async function writeManifest(
  directory: string,
  checkpoint: DeliveredCheckpoint,
  signal?: AbortSignal,
): Promise<StoredManifest> {
  const files = [];
  for (const { name, sha256 } of checkpoint.files)
    files.push({ name, ...(await sealFile(join(directory, name), sha256, signal)) });
  const manifest = { ...checkpoint, files };
  const path = join(directory, manifestFile);
  const staging = stagingPath(path);
  await writeFile(staging, `${JSON.stringify(manifest, undefined, 2)}\n`, { flush: true });
  await rename(staging, path);
  return manifest;
}

/** Removes what a download needed and the checkpoint does not: parts, and leftovers of other sources. */
export async function removeUnlisted(directory: string, files: readonly { readonly name: string }[]): Promise<void> {
  const listed = new Set(files.map(({ name }) => name));
  for (const name of await readdir(directory)) {
    // A pip whose parent was killed may still be putting files there.
    if (!listed.has(name)) await rm(join(directory, name), { recursive: true, force: true, maxRetries: 5 });
  }
}
