import { createHash } from 'node:crypto';
import { type FileHandle, open, readdir, stat, utimes } from 'node:fs/promises';
import { join, relative } from 'node:path';
import * as v from 'valibot';
import { ModelError } from '../errors.ts';

// A folder of the store is sealed when it is finished: its manifest holds of every file the size, the SHA-256, the date
// and, of a large file, a hash of samples. Hashing gigabytes whenever a model is opened would take longer than opening
// it; so a large file whose date is the noted one is only looked at in samples. One with another date, a copy or one
// that somebody wrote to, is hashed as a whole and, if it is good, given the noted date again.

const sha256 = v.pipe(v.string(), v.regex(/^[0-9a-f]{64}$/));

/** How the manifest describes a file. */
export const sealedFile = v.object({
  sizeBytes: v.pipe(v.number(), v.safeInteger(), v.minValue(0)),
  /** Hex, as the next one. */
  sha256,
  /** Of a large file's samples. */
  sampleSha256: v.optional(sha256),
  /** Missing in manifests of versions up to 0.1. */
  mtimeMs: v.optional(v.number()),
});

export type SealedFile = v.InferOutput<typeof sealedFile>;

/** Up to this size a file is always hashed as a whole. */
const smallBytes = 4 << 20;
/** 1 MiB of a large file, evenly spread from its first byte to its last. */
const samples = { count: 32, sizeBytes: 32 << 10 };
const blockBytes = 1 << 20;

/**
 * Reads back a file that was written and describes it for the manifest.
 *
 * @param writtenSha256 the hash of what was meant to be written, if it is known
 * @throws ModelError 'MODEL_STORE_DAMAGED' when the file holds something else
 */
export async function sealFile(path: string, writtenSha256?: string, signal?: AbortSignal): Promise<SealedFile> {
  await using file = await open(path);
  const { size: sizeBytes, mtimeMs } = await file.stat();
  const hash = await hashWhole(file, signal);
  if (writtenSha256 !== undefined && hash !== writtenSha256)
    throw new ModelError('MODEL_STORE_DAMAGED', `${path} does not hold what was written to it`, {
      hint: 'Run the command again; if that does not help, check the disk.',
    });
  const sampleSha256 = sizeBytes > smallBytes ? await hashSamples(file, sizeBytes) : undefined;
  return { sizeBytes, sha256: hash, mtimeMs, ...(sampleSha256 === undefined ? {} : { sampleSha256 }) };
}

/** The first fault among files of a folder, in words that begin with the file's name; undefined when there is none. */
export async function findFault(
  directory: string,
  files: Iterable<readonly [name: string, SealedFile]>,
  signal?: AbortSignal,
): Promise<string | undefined> {
  for (const [name, sealed] of files) {
    const fault = await faultOf(join(directory, name), sealed, signal);
    if (fault !== undefined) return `${name} ${fault}`;
  }
  return undefined;
}

async function faultOf(path: string, sealed: SealedFile, signal: AbortSignal | undefined): Promise<string | undefined> {
  try {
    const status = await stat(path);
    if (!status.isFile()) return 'is no file';
    if (status.size !== sealed.sizeBytes) return `has ${status.size} bytes instead of ${sealed.sizeBytes}`;
    await using file = await open(path);
    const { sha256, sampleSha256, mtimeMs } = sealed;
    const isSampled = sampleSha256 !== undefined && isDate(status.mtimeMs, mtimeMs);
    const found = isSampled ? await hashSamples(file, status.size) : await hashWhole(file, signal);
    if (found !== (isSampled ? sampleSha256 : sha256)) return 'holds other bytes than were written to it';
    if (mtimeMs !== undefined && !isDate(status.mtimeMs, mtimeMs)) await setDate(path, mtimeMs);
    return undefined;
  } catch (error) {
    const { code, syscall } = error as NodeJS.ErrnoException;
    if (syscall === undefined) throw error;
    return code === 'ENOENT' || code === 'ENOTDIR' ? 'is missing' : `cannot be read (${code})`;
  }
}

/** Setting a date cuts its last digits off; archives and some file systems keep dates to the second. */
function isDate(mtimeMs: number, notedMs: number | undefined): boolean {
  if (notedMs === undefined) return false;
  return Math.abs(mtimeMs - notedMs) < 1 || mtimeMs === 1000 * Math.floor(notedMs / 1000);
}

/** Where the file is another user's, or cannot be written, it is hashed as a whole every time. */
async function setDate(path: string, mtimeMs: number): Promise<void> {
  await utimes(path, mtimeMs / 1000, mtimeMs / 1000).catch((error: NodeJS.ErrnoException) => {
    if (!['EACCES', 'EPERM', 'EROFS'].includes(error.code ?? '')) throw error;
  });
}

async function hashWhole(file: FileHandle, signal: AbortSignal | undefined): Promise<string> {
  const hash = createHash('sha256');
  const block = Buffer.allocUnsafe(blockBytes);
  for (let position = 0; ; ) {
    signal?.throwIfAborted();
    const { bytesRead } = await file.read(block, 0, block.length, position);
    if (bytesRead === 0) return hash.digest('hex');
    hash.update(block.subarray(0, bytesRead));
    position += bytesRead;
  }
}

async function hashSamples(file: FileHandle, sizeBytes: number): Promise<string> {
  const hash = createHash('sha256');
  const sample = Buffer.alloc(samples.sizeBytes);
  for (let i = 0; i < samples.count; i++) {
    const position = Math.floor((i / (samples.count - 1)) * (sizeBytes - sample.length));
    const { bytesRead } = await file.read(sample, 0, sample.length, position);
    hash.update(sample.subarray(0, bytesRead));
  }
  return hash.digest('hex');
}

/** The regular files of a folder and of those in it, by their paths inside. */
export async function filesBelow(directory: string): Promise<string[]> {
  const entries = await readdir(directory, { recursive: true, withFileTypes: true });
  return entries
    .filter((entry) => entry.isFile())
    .map((entry) => relative(directory, join(entry.parentPath, entry.name)))
    .sort();
}
