import type { Task } from './prompt.ts';

/** How windows are decoded. Names and defaults are openai/whisper's `DecodingOptions`. */
export interface DecodingOptions {
  readonly task: Task;
  /** Whether segments are given their times. */
  readonly timestamps: boolean;
  /** 0 decodes greedily or with beams; above that, tokens are sampled. */
  readonly temperature: number;
  /** At temperature 0: hypotheses of a beam search; 1 is greedy. */
  readonly beamSize: number;
  /** Above temperature 0: how many sequences are sampled, of which the best is taken. */
  readonly bestOf: number;
  /** Beam search ends after beamSize * patience finished hypotheses. */
  readonly patience: number;
  /** From 0 to 1; larger values favour longer hypotheses. By default they are ranked by their mean log-probability. */
  readonly lengthPenalty?: number;
  /** Tokens of the previous text, for the prompt. */
  readonly previous: readonly number[];
  /** Tokens that the new text has to begin with. */
  readonly prefix: readonly number[];
  /** Tokens that are suppressed besides those of the model. */
  readonly suppress: readonly number[];
  /** The threshold of the fallback: where the error of a mean log-probability could matter for it, it is computed exactly. */
  readonly logprobThreshold: number;
  /** The latest begin of the first segment. */
  readonly maxInitialTimestampSeconds: number;
  /** Uniform in [0, 1), for temperatures above 0. */
  readonly random: () => number;
}
