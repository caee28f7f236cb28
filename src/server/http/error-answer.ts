import { AudioError, ConversionError, ModelError, NpuError, UsageError, WhisperNpuError } from '../../errors.ts';
import { RequestError } from './request-error.ts';

/** What a client is told of an error, in the shape that OpenAI's clients read. */
export interface ErrorAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: {
    readonly error: {
      readonly message: string;
      readonly type: string;
      readonly param: string | null;
      readonly code: string | null;
    };
  };
  /** Whether it is the server's fault and nobody foresaw it: the log has to say more. */
  readonly isUnforeseen: boolean;
}

/** Faults of the server's disk rather than of the recording that is kept there. */
const diskCodes = new Set(['AUDIO_SPOOL_FAILED', 'AUDIO_READ_FAILED']);

/**
 * @param requestId named where there is nothing else to say
 * @param hidden texts that mean nothing to a client, such as the path of a temporary file, and what to say instead
 */
export function errorAnswer(
  error: unknown,
  requestId: string,
  hidden: ReadonlyMap<string, string> = new Map(),
): ErrorAnswer {
  if (!(error instanceof WhisperNpuError)) {
    return answer(500, {
      message: `The server failed. Its log says more under ${requestId}.`,
      code: 'internal_error',
      isUnforeseen: true,
    });
  }
  const said = shown(error, hidden);
  const code = error.code.toLowerCase();
  if (error instanceof RequestError) {
    const { status, param, retryAfterSeconds, allow } = error;
    return answer(status, { message: said, code, param, retryAfterSeconds, allow });
  }
  if (error instanceof UsageError) return answer(400, { message: said, code, param: error.option });
  const isOfRecording = error instanceof AudioError && !diskCodes.has(error.code);
  if (isOfRecording) return answer(400, { message: said, code, param: 'file' });
  const message = withoutFolders(said);
  if (error instanceof AudioError) return answer(503, { message, code, retryAfterSeconds: 5 });
  // Without a device, or without the model on it, another server may do.
  const isPassing = error instanceof NpuError || error instanceof ModelError || error instanceof ConversionError;
  return answer(isPassing ? 503 : 500, { message, code, ...(isPassing ? { retryAfterSeconds: 5 } : {}) });
}

function shown({ message, hint }: WhisperNpuError, hidden: ReadonlyMap<string, string>): string {
  const text = hint === undefined ? message : `${message}; ${hint}`;
  return [...hidden].reduce((said, [secret, instead]) => said.replaceAll(secret, instead), text);
}

/** Where something lies on this machine is for its log: a client is told what it is called. */
function withoutFolders(text: string): string {
  return text.replace(/(?<![\w:/.~-])\/(?:[^\s/:;,'"]+\/)+/g, '');
}

interface Told {
  readonly message: string;
  readonly code: string;
  readonly param?: string | undefined;
  readonly retryAfterSeconds?: number | undefined;
  readonly allow?: string | undefined;
  readonly isUnforeseen?: boolean;
}

function answer(status: number, told: Told): ErrorAnswer {
  const { message, code, param, retryAfterSeconds, allow, isUnforeseen = false } = told;
  const headers: Record<string, string> = {};
  if (retryAfterSeconds !== undefined) headers['retry-after'] = String(Math.ceil(retryAfterSeconds));
  if (allow !== undefined) headers['allow'] = allow;
  if (status === 401) headers['www-authenticate'] = 'Bearer';
  return {
    status,
    headers,
    body: { error: { message, type: typeOf(status), param: param ?? null, code } },
    isUnforeseen,
  };
}

function typeOf(status: number): string {
  if (status === 401) return 'authentication_error';
  if (status === 403) return 'permission_error';
  if (status === 404) return 'not_found_error';
  if (status === 429) return 'rate_limit_error';
  return status >= 500 ? 'server_error' : 'invalid_request_error';
}
