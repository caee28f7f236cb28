import { printable } from './printable.ts';

/**
 * Every failure the program can explain. `message` says what and where in one line, `hint` what to do next;
 * `code` is stable and meant for programs. The command line maps each kind to an exit code (cli/exit-codes.ts).
 *
 * Messages and hints may quote what files and servers say, and end in terminals and logs, so control characters in them
 * are escaped. Where there is more to say than one line holds, each line is an entry of an array.
 */
export class WhisperNpuError extends Error {
  readonly code: string;
  readonly hint: string | undefined;
  /** The recording it is about, where it is about one. */
  file: string | undefined;
  /** What went wrong on clearing up after this. */
  suppressed: unknown;

  constructor(code: string, message: string | readonly string[], options: { hint?: string; cause?: unknown } = {}) {
    super(
      [message].flat().map(printable).join('\n  '),
      options.cause === undefined ? undefined : { cause: options.cause },
    );
    this.name = new.target.name;
    this.code = code;
    this.hint = options.hint === undefined ? undefined : printable(options.hint);
  }
}

/** The command line or an option is wrong. */
export class UsageError extends WhisperNpuError {
  /** The option that it is about, as it is called where it came in. */
  readonly option: string | undefined;

  constructor(
    code: string,
    message: string | readonly string[],
    options: { hint?: string; cause?: unknown; option?: string } = {},
  ) {
    super(code, message, options);
    this.option = options.option;
  }
}

/** An audio input cannot be read or is not what it claims to be. */
export class AudioError extends WhisperNpuError {}

/** A result cannot be written. */
export class OutputError extends WhisperNpuError {}

/** A model is missing, damaged, or cannot be fetched or stored. */
export class ModelError extends WhisperNpuError {}

/** A job, or the queue that it lies in, cannot be used. */
export class JobError extends WhisperNpuError {}

/** Graphs could not be built or converted. */
export class ConversionError extends WhisperNpuError {}

/** The NPU, its driver or CANN cannot be used, or failed. */
export class NpuError extends WhisperNpuError {
  /** ACL's code, where a call of ACL failed. */
  readonly aclCode: number | undefined;
  /** The function of ACL that failed. */
  readonly aclFunction: string | undefined;

  constructor(
    code: string,
    message: string,
    options: { hint?: string; cause?: unknown; aclCode?: number; aclFunction?: string } = {},
  ) {
    // What ACL itself has to say has several lines.
    super(code, options.aclFunction === undefined ? message : message.split('\n').map((line) => line.trim()), options);
    this.aclCode = options.aclCode;
    this.aclFunction = options.aclFunction;
  }
}

/** A server that was to do the work cannot be reached, refuses it, or failed. */
export class ServerError extends WhisperNpuError {}

/** Closes what a failure leaves behind, then throws the failure on: one more while closing must not take its place. */
export async function closeAfter(error: unknown, close: () => Promise<void>): Promise<never> {
  try {
    await close();
  } catch (closing) {
    if (error instanceof WhisperNpuError) error.suppressed ??= closing;
  }
  throw error;
}
