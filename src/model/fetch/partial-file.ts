import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { type FileHandle, open, rename, rm, stat, writeFile } from 'node:fs/promises';
import { basename } from 'node:path';
import * as v from 'valibot';
import { storeError } from '../store-error.ts';
import type { StoredFile } from '../stored-checkpoint.ts';
import { readStoredJson } from '../stored-json.ts';
import { type FetchContext, SourceError } from './context.ts';

/** What tells one version of a remote file from another, kept beside the part of it that has come. */
export interface Origin {
  /** Its SHA-256, else its entity tag; without either, a part is of no use later. */
  readonly identity?: string | undefined;
  readonly etag?: string | undefined;
  readonly sizeBytes?: number | undefined;
}

const originOnDisk = v.object({
  identity: v.optional(v.string()),
  etag: v.optional(v.string()),
  sizeBytes: v.optional(v.pipe(v.number(), v.safeInteger(), v.minValue(0))),
  /** Set once the whole file was checked. */
  sha256: v.optional(v.string()),
});

type OriginOnDisk = v.InferOutput<typeof originOnDisk>;

/**
 * A file that is coming in: `<path>.part`, which a later run can go on with, and `<path>.origin.json`, which says what
 * it is a part of. Only {@link finish} gives it its name.
 */
export class PartialFile {
  readonly #path: string;
  readonly #handle: FileHandle;
  #hash = createHash('sha256');
  #origin: Origin = {};
  #sizeBytes = 0;
  #resumed = false;

  private constructor(path: string, handle: FileHandle) {
    this.#path = path;
    this.#handle = handle;
  }

  /** Opens the part an earlier run left, if it can be gone on with, else an empty one. */
  static async open(path: string, context: FetchContext): Promise<PartialFile> {
    const origin = await readOrigin(path);
    const left = await stat(`${path}.part`).catch(() => undefined);
    const handle = await open(`${path}.part`, left === undefined ? 'w+' : 'r+');
    const partial = new PartialFile(path, handle);
    // Of a part that has every byte, the last is asked for again: a range must not be empty.
    const usableBytes = Math.min(left?.size ?? 0, (origin.sizeBytes ?? Number.POSITIVE_INFINITY) - 1);
    if (origin.identity !== undefined && usableBytes > 0) {
      context.onEvent({ kind: 'verifying', file: basename(path) });
      await partial.#readBack(usableBytes, context.signal);
      partial.#origin = origin;
      partial.#resumed = true;
    }
    if (left !== undefined && left.size > partial.#sizeBytes) await handle.truncate(partial.#sizeBytes);
    return partial;
  }

  get sizeBytes(): number {
    return this.#sizeBytes;
  }

  get origin(): Origin {
    return this.#origin;
  }

  /** Whether bytes of an earlier run are in it. */
  get resumed(): boolean {
    return this.#resumed;
  }

  /** Forgets what has come and starts on another version of the file. */
  async begin(origin: Origin): Promise<void> {
    // In this order: killed in between, an empty part belongs to whatever origin is noted.
    if (this.#sizeBytes > 0) await this.#handle.truncate(0);
    this.#hash = createHash('sha256');
    this.#sizeBytes = 0;
    this.#origin = origin;
    this.#resumed = false;
    await writeOrigin(this.#path, origin);
  }

  /** @throws ModelError `MODEL_DISK_FULL` and the like */
  async append(chunk: Uint8Array): Promise<void> {
    try {
      for (let written = 0; written < chunk.length; ) {
        const { bytesWritten } = await this.#handle.write(
          chunk,
          written,
          chunk.length - written,
          this.#sizeBytes + written,
        );
        written += bytesWritten;
      }
    } catch (error) {
      const neededBytes = this.#origin.sizeBytes === undefined ? undefined : this.#origin.sizeBytes - this.#sizeBytes;
      throw storeError(error, this.#path, neededBytes);
    }
    this.#hash.update(chunk);
    this.#sizeBytes += chunk.length;
  }

  /**
   * Checks the whole against its hash and gives it its name.
   *
   * @param sha256 hex; `undefined` if nobody says what it must be
   * @throws SourceError if the bytes are others; they are dropped
   */
  async finish(sha256: string | undefined): Promise<StoredFile> {
    const actual = this.#hash.digest('hex');
    if (sha256 !== undefined && actual !== sha256) {
      const retry = this.#resumed ? 'always' : 'never';
      await this.begin({});
      throw new SourceError(`${basename(this.#path)} has SHA-256 ${actual} instead of ${sha256}`, { retry });
    }
    const done: OriginOnDisk = { ...this.#origin, sizeBytes: this.#sizeBytes, sha256: actual };
    await this.#handle.sync();
    await writeOrigin(this.#path, done);
    await rename(`${this.#path}.part`, this.#path);
    return { name: basename(this.#path), sizeBytes: this.#sizeBytes, sha256: actual };
  }

  /** Leaves what has come for a later run. */
  async close(): Promise<void> {
    await this.#handle.close();
    if (this.#sizeBytes === 0) await rm(`${this.#path}.part`, { force: true });
  }

  async #readBack(bytes: number, signal: AbortSignal): Promise<void> {
    for await (const chunk of createReadStream(`${this.#path}.part`, { end: bytes - 1, signal })) {
      this.#hash.update(chunk);
      this.#sizeBytes += chunk.length;
    }
  }
}

/** The file, if it came whole in an earlier run, is of the version that `origin` describes, and has not changed since. */
export async function finishedFile(
  path: string,
  origin: Origin,
  context: FetchContext,
): Promise<StoredFile | undefined> {
  const { identity, sizeBytes, sha256 } = await readOrigin(path);
  if (identity === undefined || identity !== origin.identity || sizeBytes === undefined || sha256 === undefined)
    return undefined;
  const status = await stat(path).catch(() => undefined);
  if (status?.size !== sizeBytes) return undefined;
  context.onEvent({ kind: 'verifying', file: basename(path) });
  const hash = createHash('sha256');
  for await (const chunk of createReadStream(path, { signal: context.signal })) hash.update(chunk);
  return hash.digest('hex') === sha256 ? { name: basename(path), sizeBytes, sha256 } : undefined;
}

/** What an earlier run noted; where that cannot be used, what it brought is fetched again. */
async function readOrigin(path: string): Promise<OriginOnDisk> {
  const read = await readStoredJson(`${path}.origin.json`, originOnDisk);
  return 'value' in read ? read.value : {};
}

async function writeOrigin(path: string, origin: OriginOnDisk): Promise<void> {
  await writeFile(`${path}.origin.json.new`, JSON.stringify(origin));
  await rename(`${path}.origin.json.new`, `${path}.origin.json`);
}
