/** A word with its place in the recording, found by cross-attention alignment. */
export interface Word {
  readonly startSeconds: number;
  readonly endSeconds: number;
  /** As it stands in the text, usually with a leading space; a segment's words joined are its text. */
  readonly text: string;
  /** Mean probability of its tokens. */
  readonly probability: number;
}

/** One stretch of a recording and what was said in it. */
export interface Segment {
  /** Counts from 0 within a recording. */
  readonly id: number;
  /** Where the window that it was decoded from begins, in frames of 10 ms. */
  readonly seek: number;
  readonly startSeconds: number;
  readonly endSeconds: number;
  /** As decoded, usually with a leading space; never blank. */
  readonly text: string;
  /** Text tokens, between their timestamp tokens where timestamps were decoded. */
  readonly tokens: readonly number[];
  /** What the window was sampled at in the end: 0 is greedy or beam search. */
  readonly temperature: number;
  /** Of the window: mean log-probability of its tokens, the end token counted. */
  readonly avgLogprob: number;
  /** Of the window's text: its bytes over its deflated bytes. Repetition makes it high. */
  readonly compressionRatio: number;
  /** Probability that nobody speaks in the window; absent where a likely text made it needless to ask. */
  readonly noSpeechProb?: number;
  /** Whisper's code of the window's language. */
  readonly language: string;
  /** Present where word times were asked for. */
  readonly words?: readonly Word[];
}
