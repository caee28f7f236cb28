/**
 * What a graph for greedy decoding knows of a text, in its order: f32 numbers at the beginning of a slot of 64 bytes. They are
 * f32, which holds every token and place exactly, so that the log-probability stands in the same slot.
 */
export const greedyState = [
  /** The text's last token, which the step appends. */
  'token',
  /** Its place in its text. */
  'position',
  /** Where its row goes in its window's log. */
  'row',
  /** 1 where the rules of timestamps hold, else 0; so are all that ask whether. */
  'timed',
  /** Whether the token is a time. */
  'isTime',
  /** Whether the one before it is a time, or there is none. */
  'wasTime',
  /** The latest time so far; the last token below all times where there is none. */
  'latest',
  /** Whether nothing but a time may come, as at the beginning of a text. */
  'needsTime',
  /** The highest time that may come. */
  'highest',
  /** The token's log-probability among those that were allowed. */
  'logprob',
  /** The logarithm of the sum over what was allowed, from which it was taken. */
  'logSum',
] as const;

export type GreedyState = Readonly<Record<(typeof greedyState)[number], number>>;

/** f32 numbers of a slot: the state, and zeros. */
export const greedySlotSize = 16;
