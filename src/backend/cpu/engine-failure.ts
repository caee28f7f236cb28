import { ModelError } from '../../errors.ts';

/** A failure on its way from the engine's thread. */
export interface EngineFailure {
  readonly message: string;
  readonly stack: string | undefined;
  /** Of failures that are known, and what to do about them. */
  readonly known?: { readonly code: string; readonly hint: string | undefined };
}

/** By the codes of native/cpu/addon.cc. */
const hints = {
  OUT_OF_MEMORY: 'Free memory, or take a smaller model; in int8 one is smaller than in float32.',
  NO_THREAD: 'Ask for fewer with --threads, or raise the limits of this process (`ulimit -a`).',
};

export function failureOf(error: unknown): EngineFailure {
  const { message, stack } = error instanceof Error ? error : new Error(String(error));
  const known = error instanceof ModelError ? { code: error.code, hint: error.hint } : knownOf(error);
  return { message, stack, ...(known === undefined ? {} : { known }) };
}

function knownOf(error: unknown): EngineFailure['known'] {
  const code = (error as { code?: unknown } | undefined)?.code;
  return code === 'OUT_OF_MEMORY' || code === 'NO_THREAD' ? { code, hint: hints[code] } : undefined;
}

/** The same failure for who called the engine. */
export function errorOf({ message, stack, known }: EngineFailure): Error {
  const cause = Object.assign(new Error(message), { stack });
  if (known === undefined) return cause;
  const { code, hint } = known;
  return new ModelError(code, message, { cause, ...(hint === undefined ? {} : { hint }) });
}
