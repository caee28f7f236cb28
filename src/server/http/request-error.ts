import { WhisperNpuError } from '../../errors.ts';

interface RequestErrorOptions {
  /** The field or header that it is about. */
  readonly param?: string;
  readonly hint?: string;
  readonly cause?: unknown;
  /** After how many seconds to come again. */
  readonly retryAfterSeconds?: number;
  /** The methods that may be used instead. */
  readonly allow?: string;
}

/** Why a request is not answered as it was asked: a status, and a stable code for programs. */
export class RequestError extends WhisperNpuError {
  readonly status: number;
  readonly param: string | undefined;
  readonly retryAfterSeconds: number | undefined;
  readonly allow: string | undefined;

  constructor(status: number, code: string, message: string, options: RequestErrorOptions = {}) {
    super(code, message, options);
    this.status = status;
    this.param = options.param;
    this.retryAfterSeconds = options.retryAfterSeconds;
    this.allow = options.allow;
  }
}

/** What is to be done again, later or elsewhere. */
export function unavailable(code: string, message: string, retryAfterSeconds: number): RequestError {
  return new RequestError(503, code, message, { retryAfterSeconds });
}
