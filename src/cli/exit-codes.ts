import { AudioError, ConversionError, ModelError, NpuError, UsageError } from '../errors.ts';

/** What each exit code means; README.md lists them for users. */
export const exitCode = {
  done: 0,
  failed: 1,
  usage: 2,
  audio: 3,
  model: 4,
  npu: 5,
  conversion: 6,
  interrupted: 130,
} as const;

/** The exit code for an error that ended the program. */
export function exitCodeFor(error: unknown): number {
  if (error instanceof UsageError) return exitCode.usage;
  if (error instanceof AudioError) return exitCode.audio;
  if (error instanceof ModelError) return exitCode.model;
  if (error instanceof NpuError) return exitCode.npu;
  if (error instanceof ConversionError) return exitCode.conversion;
  return exitCode.failed;
}
