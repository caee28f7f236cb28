import type { Segment } from '../transcribe/segment.ts';

/** A recording and what was said in it: what every format is made of. */
export interface Transcript {
  /** The path as the user wrote it, or stdin. */
  readonly file: string;
  readonly segments: readonly Segment[];
  /** Whisper's code; undefined where there was nothing to listen to. */
  readonly language: string | undefined;
  /** Where the language was detected. */
  readonly languageProbability?: number | undefined;
  readonly task: string;
  readonly audioSeconds: number;
  readonly model: string;
  readonly device: string;
}
