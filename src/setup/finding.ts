import { NpuError, WhisperNpuError } from '../errors.ts';

/** One thing that was looked at. */
export interface Finding {
  readonly what: string;
  /** `missing` is no fault where nothing asks for it, such as CANN on a machine without an NPU. */
  readonly state: 'ok' | 'missing' | 'failed';
  readonly detail: string;
  /** What to do about it. */
  readonly remedy?: string;
  /** For --verbose: one of several things that were tried. */
  readonly isDetail?: boolean;
  /** What to say instead where others will read it. */
  readonly publicDetail?: string;
}

/** @param remedy where the error itself has none */
export function failure(what: string, error: unknown, state: 'missing' | 'failed', remedy?: string): Finding {
  const known = error instanceof WhisperNpuError ? error : undefined;
  const hint = known?.hint ?? remedy;
  const isAbsent = known instanceof NpuError && /MISSING|NO_DEVICE/.test(known.code);
  return {
    what,
    state: isAbsent ? 'missing' : state,
    detail: error instanceof Error ? error.message : String(error),
    ...(hint === undefined ? {} : { remedy: hint }),
  };
}
