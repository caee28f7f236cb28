import { AudioError, ConversionError, ModelError, NpuError, ServerError, UsageError } from '../errors.ts';

/** The exit codes of the program. */
export const exitCode = {
  done: 0,
  failed: 1,
  usage: 2,
  audio: 3,
  model: 4,
  npu: 5,
  conversion: 6,
  server: 7,
  interrupted: 130,
} as const;

/** What each of them means, in help and documents. */
export const exitMeanings: Readonly<Record<keyof typeof exitCode, string>> = {
  done: 'done',
  failed: 'some input failed, a comparison does not pass, or an unexpected error',
  usage: 'wrong usage',
  audio: 'audio that cannot be read',
  model: 'a model is missing or damaged, or cannot be fetched',
  npu: 'an NPU or CANN is missing or failed',
  conversion: 'a conversion failed',
  server: 'the server of --server cannot be reached, refuses, or failed',
  interrupted: 'interrupted (Ctrl-C, SIGTERM, or a terminal that was closed)',
};

/** The exit code for an error that ended the program. */
export function exitCodeFor(error: unknown): number {
  if (error instanceof UsageError) return exitCode.usage;
  if (error instanceof AudioError) return exitCode.audio;
  if (error instanceof ModelError) return exitCode.model;
  if (error instanceof NpuError) return exitCode.npu;
  if (error instanceof ConversionError) return exitCode.conversion;
  if (error instanceof ServerError) return exitCode.server;
  return exitCode.failed;
}
