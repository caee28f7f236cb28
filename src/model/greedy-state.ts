/**
 * The state of a sequence in the graph for greedy decoding: f32 fields in this order, padded to 64 bytes. f32 holds every token
 * and position exactly, so that the log-probability can be in the same tensor.
 */
export const greedyState = [
  /** The last token of the sequence, which the step appends. */
  'token',
  /** Its position in the sequence. */
  'position',
  /** The index of its entry in the KV cache region of its window. */
  'entry',
  /** 1 where the timestamp rules apply, else 0; all flags are 1 or 0. */
  'timed',
  /** Whether the token is a timestamp. */
  'isTime',
  /** Whether the token before it is a timestamp, or there is none. */
  'wasTime',
  /** The latest timestamp so far; where there is none, the last token before all timestamps. */
  'latest',
  /** Whether only a timestamp may come next, as at the beginning of a sequence. */
  'needsTime',
  /** The highest timestamp that may come next. */
  'highest',
  /** The token's log-probability among the allowed tokens. */
  'logprob',
  /** The log-sum-exp of the logits of the allowed tokens. */
  'logSum',
] as const;

export type GreedyState = Readonly<Record<(typeof greedyState)[number], number>>;

/** f32 elements of a state: its fields, and zeros. */
export const greedySlotSize = 16;
