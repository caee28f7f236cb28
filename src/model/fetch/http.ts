import { type FetchContext, SourceError } from './context.ts';

/** An answer whose body has not been read yet. */
export interface HttpReply {
  readonly status: number;
  readonly headers: Headers;
  /** What the hub says the whole file is, hex. */
  readonly sha256: string | undefined;
  /** What the hub says the whole file measures; `content-length` may say less of a range, or lie. */
  readonly sizeBytes: number | undefined;
  /** The body, with {@link SourceError} for a dropped or stalled connection. To be read once. */
  readonly chunks: () => AsyncGenerator<Uint8Array>;
  /** Drops the connection if the body was not read to its end. To be called always. */
  readonly close: () => Promise<void>;
}

const maxRedirects = 8;

/**
 * Sends a GET and follows redirects by hand, because the hub describes a large file (`X-Linked-Etag`, `X-Linked-Size`)
 * on the answer that redirects, not on the one that delivers.
 *
 * @param headers sent on every hop; `authorization` only until a hop leads elsewhere, be it to an unencrypted connection
 *   with the same host
 * @throws SourceError if there is no answer within `timeouts.responseMs`; any HTTP status is an answer
 */
export async function openUrl(
  url: string,
  headers: Readonly<Record<string, string>>,
  context: FetchContext,
): Promise<HttpReply> {
  const dog = watchdog(context.signal);
  let sha256: string | undefined;
  let sizeBytes: number | undefined;
  let sent = headers;
  try {
    let target = new URL(url);
    for (let hop = 0; hop <= maxRedirects; hop++) {
      dog.patience(context.timeouts.responseMs, `no answer within ${seconds(context.timeouts.responseMs)}`);
      const reply = await context.fetch(target, {
        // Sizes, ranges and hashes are those of the file itself, not of a compressed form.
        headers: { 'accept-encoding': 'identity', ...sent },
        redirect: 'manual',
        signal: dog.signal,
      });
      sha256 ??= sha256In(reply.headers.get('x-linked-etag'));
      // The hub's own tag of a large file is its SHA-256; that of a store it redirects to may be some other hash.
      if (hop === 0) sha256 ??= sha256In(reply.headers.get('etag'));
      sizeBytes ??= byteCount(reply.headers.get('x-linked-size'));
      const location = reply.headers.get('location');
      if (reply.status < 300 || reply.status >= 400 || location === null) {
        const close = async () => {
          dog.release();
          await reply.body?.cancel().catch(() => undefined);
        };
        const chunks = () => readBody(reply, dog, context);
        dog.rest();
        return { status: reply.status, headers: reply.headers, sha256, sizeBytes, chunks, close };
      }
      await reply.body?.cancel();
      const next = new URL(location, target);
      if (!/^https?:$/.test(next.protocol))
        throw new SourceError(`redirects to ${next.protocol}, which is not fetched`);
      // Once others have decided where to go next, the token stays at home even if they lead back.
      if (!isSameService(target, next)) sent = withoutAuthorization(sent);
      target = next;
    }
    throw new SourceError('redirects in a circle');
  } catch (error) {
    dog.release();
    context.signal.throwIfAborted();
    throw asSourceError(error, 'resuming');
  }
}

/** Whether both addresses are answered by the same server, and the second one at least as privately as the first. */
function isSameService(from: URL, to: URL): boolean {
  const isUpgrade = from.protocol === 'http:' && to.protocol === 'https:' && from.port === '' && to.port === '';
  return from.origin === to.origin || (isUpgrade && from.hostname === to.hostname);
}

function withoutAuthorization({ authorization, ...others }: Readonly<Record<string, string>>): Record<string, string> {
  return others;
}

function sha256In(etag: string | null): string | undefined {
  return /^"?([0-9a-f]{64})"?$/.exec(etag ?? '')?.[1];
}

/** A header that counts bytes. */
export function byteCount(header: string | null): number | undefined {
  return header !== null && /^\d+$/.test(header) ? Number(header) : undefined;
}

async function* readBody(reply: Response, dog: Watchdog, context: FetchContext): AsyncGenerator<Uint8Array> {
  const { stallMs } = context.timeouts;
  try {
    dog.patience(stallMs, `nothing came for ${seconds(stallMs)}`);
    for await (const chunk of reply.body ?? []) {
      // A slow disk is not the source's fault.
      dog.rest();
      yield chunk;
      dog.patience(stallMs, `nothing came for ${seconds(stallMs)}`);
    }
  } catch (error) {
    context.signal.throwIfAborted();
    throw asSourceError(error, 'always');
  }
}

/** Aborts a request when its owner does, or when nothing happened for too long. */
interface Watchdog {
  readonly signal: AbortSignal;
  /** Starts waiting anew. */
  readonly patience: (ms: number, reason: string) => void;
  /** Stops waiting for now. */
  readonly rest: () => void;
  readonly release: () => void;
}

function watchdog(outer: AbortSignal): Watchdog {
  const controller = new AbortController();
  const abort = () => controller.abort(outer.reason);
  outer.addEventListener('abort', abort, { once: true });
  if (outer.aborted) abort();
  let timer: NodeJS.Timeout | undefined;
  return {
    signal: controller.signal,
    patience: (ms, reason) => {
      clearTimeout(timer);
      timer = setTimeout(() => controller.abort(new SourceError(reason, { retry: 'resuming' })), ms);
    },
    rest: () => clearTimeout(timer),
    release: () => {
      clearTimeout(timer);
      outer.removeEventListener('abort', abort);
    },
  };
}

const plainWords: Readonly<Record<string, string>> = {
  ENOTFOUND: 'host not found',
  EAI_AGAIN: 'host not found (no name service)',
  ECONNREFUSED: 'connection refused',
  ECONNRESET: 'connection dropped',
  EPIPE: 'connection dropped',
  ENETUNREACH: 'network unreachable',
  EHOSTUNREACH: 'host unreachable',
  ETIMEDOUT: 'connection timed out',
  UND_ERR_CONNECT_TIMEOUT: 'connection timed out',
  UND_ERR_SOCKET: 'connection dropped',
};

function asSourceError(error: unknown, retry: SourceError['retry']): SourceError {
  if (error instanceof SourceError) return error;
  // fetch hides what happened in `cause`.
  const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error;
  const code = (cause as NodeJS.ErrnoException | undefined)?.code;
  const words = plainWords[code ?? ''] ?? (cause instanceof Error ? cause.message : String(cause));
  return new SourceError(words, { retry, cause: error });
}

function seconds(ms: number): string {
  return `${ms / 1000} s`;
}
