import { stat } from 'node:fs/promises';
import { extname } from 'node:path';
import { beginsAsRecording } from '../../../audio/recording-file.ts';
import { AudioError } from '../../../errors.ts';

/**
 * Names that nothing but recordings have: such a file is never passed over, and opening it tells what is wrong with it.
 * Others mean other things too (.ts is TypeScript as well), or nothing: there the content tells.
 */
const recordingName =
  /\.(3g[2p]|aac|ac3|aif[cf]?|amr|ape|au|avi|awb|caf|dts|eac3|flac|flv|gsm|m2ts|m4[abv]|mk[av]|mov|mp[234]|mpe?g|mpga|mxf|og[agvx]|opus|spx|tta|vob|voc|w64|wave?|web[am]|wma|wmv|wv)$/i;

/** Kinds that are named; of folders with more the others are counted together. */
const maxKinds = 6;

/** Files of a folder or a glob that were not taken for recordings. */
export interface PassedOver {
  /**
   * Whether a file is a recording by its name or content; one that is none is counted.
   *
   * @param hasContentOf looks into what is no file of this machine; a text says why it cannot be one
   */
  isRecording(path: string, hasContentOf?: () => Promise<boolean | string>): Promise<boolean>;
  /** How many there were of which kinds, as in `2 files that are no recordings are passed over: .jpg 1, .txt 1`. */
  text(): string | undefined;
}

export function countPassedOver(): PassedOver {
  const kinds = new Map<string, string>(); // by path: a glob may match a file and its folder
  return {
    async isRecording(path, hasContentOf = () => isFileOfSound(path)) {
      const kind = recordingName.test(path) ? undefined : await kindOfOther(path, hasContentOf);
      if (kind !== undefined) kinds.set(path, kind);
      return kind === undefined;
    },
    text() {
      if (kinds.size === 0) return undefined;
      const counts = new Map<string, number>();
      for (const kind of kinds.values()) counts.set(kind, (counts.get(kind) ?? 0) + 1);
      const sorted = [...counts].sort(([, a], [, b]) => b - a);
      const named = sorted.slice(0, maxKinds).map(([kind, count]) => `${kind} ${count}`);
      const others = sum(sorted.slice(maxKinds));
      const list = [...named, ...(others > 0 ? [`others ${others}`] : [])].join(', ');
      const what =
        kinds.size === 1 ? '1 file that is no recording is' : `${kinds.size} files that are no recordings are`;
      return `${what} passed over: ${list}`;
    },
  };
}

/** @returns what a file is counted as that is passed over; undefined for a recording */
async function kindOfOther(path: string, hasContentOf: () => Promise<boolean | string>): Promise<string | undefined> {
  const kind = extname(path).toLowerCase() || 'without extension';
  try {
    const found = await hasContentOf();
    if (typeof found === 'string') return `${kind} ${found}`;
    return found ? undefined : kind;
  } catch (error) {
    if (!(error instanceof AudioError || (error instanceof Error && 'syscall' in error))) throw error;
    return `${kind} that cannot be read`;
  }
}

async function isFileOfSound(path: string): Promise<boolean | string> {
  if (!(await stat(path)).isFile()) return 'that is no file'; // opening a pipe would wait for its other end
  return beginsAsRecording(path);
}

function sum(counts: readonly (readonly [string, number])[]): number {
  return counts.reduce((total, [, count]) => total + count, 0);
}
