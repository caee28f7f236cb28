import type { Task } from './prompt.ts';

/** How the texts of windows are looked for. Names and defaults are openai/whisper's `DecodingOptions`. */
export interface DecodingOptions {
  readonly task: Task;
  /** Whether segments are given their times. */
  readonly timestamps: boolean;
  /** 0 takes the likeliest tokens, above that they are drawn. */
  readonly temperature: number;
  /** At temperature 0: hypotheses of a beam search; 1 is greedy. */
  readonly beamSize: number;
  /** Above temperature 0: texts that are drawn, of which the likeliest is taken. */
  readonly bestOf: number;
  /** With beams: how long to look on after the first text has ended; 1 stops at `beamSize` ended texts. */
  readonly patience: number;
  /** Favours longer texts, from 0 to 1; by default texts are ranked by their mean log-probability. */
  readonly lengthPenalty?: number;
  /** Tokens of the text before. */
  readonly previous: readonly number[];
  /** Tokens that the text has to begin with. */
  readonly prefix: readonly number[];
  /** More tokens that are never chosen. */
  readonly suppress: readonly number[];
  /** What a text's mean log-probability will be compared with: so near to it, it is computed exactly. */
  readonly logprobThreshold: number;
  /** The latest time of the first segment. */
  readonly maxInitialTimestampSeconds: number;
  /** Uniform in [0, 1), for temperatures above 0. */
  readonly random: () => number;
}
