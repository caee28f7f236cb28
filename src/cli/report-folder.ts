import { WhisperNpuError } from '../errors.ts';

/**
 * Does what concerns the folder of --report.
 *
 * @throws WhisperNpuError 'REPORT_NOT_WRITTEN' where the file system refuses
 */
export async function writing(folder: string, work: (folder: string) => Promise<unknown>): Promise<void> {
  try {
    await work(folder);
  } catch (cause) {
    if (!(cause instanceof Error && 'code' in cause)) throw cause;
    throw new WhisperNpuError('REPORT_NOT_WRITTEN', `cannot write a report to ${folder}: ${cause.message}`, {
      hint: 'Name a folder that can be made or written to.',
      cause,
    });
  }
}
