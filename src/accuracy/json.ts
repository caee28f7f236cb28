import type { FileComparison } from './compare-recording.ts';
import type { AccuracyResult } from './result.ts';

/** One file's comparison as JSON on one line. */
export function fileJson(file: FileComparison): string {
  return JSON.stringify(fileObject(file));
}

/** All that is not of one file, on one line. */
export function overallJson({ files: _, ...rest }: AccuracyResult): string {
  return JSON.stringify(rest);
}

/** The whole result as one object. */
export function resultJson(result: AccuracyResult): string {
  return JSON.stringify({ ...result, files: result.files.map(fileObject) });
}

function fileObject({ windows, ...file }: FileComparison) {
  return {
    ...file,
    windows: windows.map(({ reference, tested, positions, encoder }) => ({ reference, tested, positions, encoder })),
  };
}
