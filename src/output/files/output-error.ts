import { AudioError, OutputError, WhisperNpuError } from '../../errors.ts';

interface Reason {
  readonly code: string;
  readonly problem: string;
  readonly hint: string;
}

const full: Reason = {
  code: 'OUTPUT_DISK_FULL',
  problem: 'no space is left',
  hint: 'free some space, then run the same command again',
};
const refused: Reason = {
  code: 'OUTPUT_NOT_WRITABLE',
  problem: 'it may not be written',
  hint: 'name an --output-dir that you may write to',
};
const inTheWay: Reason = {
  code: 'OUTPUT_IN_THE_WAY',
  problem: 'something else has that name',
  hint: 'move it away, or name another --output-dir',
};
const tooLong: Reason = {
  code: 'OUTPUT_NAME_TOO_LONG',
  problem: 'its name is too long',
  hint: 'give the recording a shorter name',
};

const reasons: Readonly<Record<string, Reason>> = {
  ENOSPC: full,
  EDQUOT: full,
  EFBIG: full,
  EACCES: refused,
  EPERM: refused,
  EROFS: refused,
  ENOTDIR: inTheWay,
  EEXIST: inTheWay,
  EISDIR: inTheWay,
  ENAMETOOLONG: tooLong,
};

/** Says in words why an output cannot be written; what is no fault of the file system stays as it is. */
export function outputError(error: unknown, path: string): unknown {
  if (!(error instanceof Error && 'syscall' in error)) return error;
  const { code, problem, hint } = reasons[(error as NodeJS.ErrnoException).code ?? ''] ?? {
    code: 'OUTPUT_FAILED',
    problem: error.message,
    hint: undefined,
  };
  return new OutputError(code, `cannot write ${path}: ${problem}`, {
    cause: error,
    ...(hint === undefined ? {} : { hint }),
  });
}

/** For a folder or a device where an output should be. */
export function inTheWayError(path: string): OutputError {
  const { code, problem, hint } = inTheWay;
  return new OutputError(code, `cannot write ${path}: ${problem}`, { hint });
}

/** What is wrong with one recording or its outputs, or was foreseen by nobody, need not be wrong with the next. */
export function isAboutRecording(error: unknown): boolean {
  if (error instanceof OutputError) return error.code !== full.code;
  return error instanceof AudioError || !(error instanceof WhisperNpuError);
}
