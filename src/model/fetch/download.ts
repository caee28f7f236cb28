import { basename } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { StoredFile } from '../stored-checkpoint.ts';
import { type FetchContext, SourceError } from './context.ts';
import { byteCount, type HttpReply, openUrl } from './http.ts';
import { finishedFile, type Origin, PartialFile } from './partial-file.ts';
import { sizeLimit } from './size-limit.ts';

/** A file to fetch over HTTP. */
export interface Download {
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  /** Where the finished file goes; its folder must exist. */
  readonly path: string;
  /** What it must be, hex; else what the hub says it is, else unchecked. */
  readonly sha256: string | undefined;
}

/** Attempts in a row that may bring nothing new before a source is given up. */
const maxIdleAttempts = 3;

/**
 * Fetches a file, going on where an earlier run or a dropped connection stopped, and checks its size and SHA-256.
 * Nothing is asked for twice: a file that came whole in an earlier run is only compared with what the server offers.
 *
 * @throws SourceError if the source cannot deliver; what has come stays for the next one to go on with
 * @throws ModelError if the store cannot be written
 */
export async function downloadFile(download: Download, context: FetchContext): Promise<StoredFile> {
  const partial = await PartialFile.open(download.path, context);
  const startBytes = partial.sizeBytes;
  let furthestBytes = startBytes;
  try {
    for (let idleAttempts = 0; ; ) {
      try {
        return await attempt(download, partial, context);
      } catch (error) {
        if (!(error instanceof SourceError) || error.retry === 'never') throw error;
        idleAttempts = partial.sizeBytes > furthestBytes ? 0 : idleAttempts + 1;
        furthestBytes = Math.max(furthestBytes, partial.sizeBytes);
        const silent = error.retry === 'resuming' && furthestBytes === startBytes;
        if (silent || idleAttempts >= maxIdleAttempts) throw error;
        context.onEvent({ kind: 'retry', file: basename(download.path), reason: error.message });
        await sleep(context.timeouts.backoffMs * 2 ** idleAttempts, undefined, { signal: context.signal });
      }
    }
  } finally {
    await partial.close();
  }
}

async function attempt(download: Download, partial: PartialFile, context: FetchContext): Promise<StoredFile> {
  const reply = await openUrl(download.url, { ...download.headers, ...rangeAfter(partial) }, context);
  try {
    const origin = originOf(reply, download.sha256);
    if (reply.status === 200) {
      const finished = await finishedFile(download.path, origin, context);
      if (finished !== undefined) return finished;
      await partial.begin(origin);
    } else if (partial.sizeBytes === 0 || (reply.status !== 206 && reply.status !== 416)) {
      throw statusError(reply.status);
    } else if (reply.status === 416 || !goesOn(reply, origin, partial)) {
      await partial.begin({});
      throw new SourceError('the file changed since the download began', { retry: 'always' });
    }
    await receive(reply, origin.sizeBytes, partial, context, download.path);
    return await partial.finish(download.sha256 ?? reply.sha256);
  } finally {
    await reply.close();
  }
}

async function receive(
  reply: HttpReply,
  totalBytes: number | undefined,
  partial: PartialFile,
  context: FetchContext,
  path: string,
): Promise<void> {
  const file = basename(path);
  const limitBytes = sizeLimit(file, totalBytes);
  if (totalBytes !== undefined && totalBytes > limitBytes) {
    await partial.begin({});
    throw new SourceError(`${file} has ${totalBytes} bytes, and no more than ${limitBytes} make sense`);
  }
  for await (const chunk of reply.chunks()) {
    if (partial.sizeBytes + chunk.length > (totalBytes ?? limitBytes)) {
      await partial.begin({});
      const limit = totalBytes === undefined ? `${limitBytes} bytes that make sense` : `${totalBytes} bytes announced`;
      throw new SourceError(`${file} is longer than the ${limit}`);
    }
    await partial.append(chunk);
    context.onEvent({ kind: 'progress', file, receivedBytes: partial.sizeBytes, totalBytes });
  }
  if (totalBytes !== undefined && partial.sizeBytes < totalBytes)
    throw new SourceError(`${file} ended after ${partial.sizeBytes} of ${totalBytes} bytes`, { retry: 'always' });
}

function rangeAfter(partial: PartialFile): Record<string, string> {
  if (partial.sizeBytes === 0) return {};
  const { etag } = partial.origin;
  return { range: `bytes=${partial.sizeBytes}-`, ...(etag === undefined ? {} : { 'if-range': etag }) };
}

function originOf(reply: HttpReply, pinnedSha256: string | undefined): Origin {
  const { headers, sha256 } = reply;
  if (pinnedSha256 !== undefined && sha256 !== undefined && sha256 !== pinnedSha256)
    throw new SourceError(`offers a file with SHA-256 ${sha256} instead of ${pinnedSha256}`);
  const etag = headers.get('etag') ?? undefined;
  // A weak tag stands for a meaning, not for bytes.
  const strongEtag = etag?.startsWith('"') ? etag : undefined;
  const announced =
    reply.status === 206
      ? byteCount(/\/(\d+)$/.exec(headers.get('content-range') ?? '')?.[1] ?? null)
      : headers.has('content-encoding')
        ? undefined
        : byteCount(headers.get('content-length'));
  return {
    identity: pinnedSha256 ?? sha256 ?? strongEtag,
    etag: strongEtag,
    sizeBytes: reply.sizeBytes ?? announced,
  };
}

function goesOn(reply: HttpReply, origin: Origin, partial: PartialFile): boolean {
  const start = /^bytes (\d+)-/.exec(reply.headers.get('content-range') ?? '')?.[1];
  return Number(start) === partial.sizeBytes && origin.identity === partial.origin.identity;
}

function statusError(status: number): SourceError {
  if (status === 404 || status === 410) return new SourceError(`not there (HTTP ${status})`, { status });
  if (status === 401 || status === 403)
    return new SourceError(`access refused (HTTP ${status}): it does not exist, or needs HF_TOKEN`, { status });
  if (status === 429) return new SourceError('too many requests (HTTP 429)', { status, retry: 'always' });
  if (status >= 500) return new SourceError(`server error (HTTP ${status})`, { status, retry: 'always' });
  return new SourceError(`unexpected answer (HTTP ${status})`, { status });
}
