import { AudioError, ModelError, NpuError, ServerError, UsageError, type WhisperNpuError } from '../errors.ts';
import type { ServerFailure } from './transcript-news.ts';

/** About the recording: the next one may do. */
const ofRecordings = /^(AUDIO_|RECORDING_TOO_LONG$|TOO_LARGE$)/;
const refused = new Set([401, 403]);

/**
 * What a server answered in place of a transcript, as an error of the kind that it would be here.
 *
 * @param status of the answer; undefined where it failed in the middle of one
 */
export function errorOfServer(url: string, { code, message }: ServerFailure, status?: number): WhisperNpuError {
  if (ofRecordings.test(code)) return new AudioError(code, message);
  const said = `${url} says: ${message}`;
  if (status === 401)
    return new ServerError(code, said, { hint: 'give it its key: WHISPER_NPU_API_KEY, or --api-key' });
  if (status !== undefined && refused.has(status)) return new ServerError(code, said);
  if (code.startsWith('MODEL_')) return new ModelError(code, said);
  if (code.startsWith('NPU_')) return new NpuError(code, said);
  return status === 400 ? new UsageError(code, said) : new ServerError(code, said);
}

/** Why there was no answer at all. */
export function unreachable(url: string, cause: unknown): ServerError {
  const reasons: Record<string, string> = {
    ECONNREFUSED: 'nobody listens there',
    ENOTFOUND: 'there is no such name',
    EAI_AGAIN: 'its name cannot be looked up now',
    ETIMEDOUT: 'nobody answers there',
    EHOSTUNREACH: 'there is no way there',
    ENETUNREACH: 'there is no way there',
    ECONNRESET: 'it closed the connection',
    EPIPE: 'it closed the connection',
  };
  const { code = '', message } = cause as NodeJS.ErrnoException;
  return new ServerError('SERVER_UNREACHABLE', `no server answers at ${url}: ${reasons[code] ?? message}`, {
    hint: 'see whether `whisper-npu serve` runs there; without --server and WHISPER_NPU_SERVER this machine does the work',
    cause,
  });
}

export function connectionLost(url: string, cause: unknown): ServerError {
  return new ServerError(
    'SERVER_CONNECTION_LOST',
    `the connection with ${url} was lost before its answer was complete`,
    {
      hint: 'do it again; its log may say more',
      cause,
    },
  );
}

/** What answers is something else, or another version. */
export function notOurs(url: string, what: string): ServerError {
  return new ServerError('SERVER_UNKNOWN', `what answers at ${url} is no such server: ${what}`, {
    hint: 'name the address that `whisper-npu serve` says it listens on, of the same version',
  });
}
