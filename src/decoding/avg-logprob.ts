import { ModelError } from '../errors.ts';

/**
 * The mean log-probability of a sequence with its end token: sum / (tokens + 1), as in openai/whisper.
 *
 * @param tokens without the end token
 * @throws ModelError 'LOGITS_NOT_NUMBERS' when the sum is NaN
 */
export function avgLogprobOf(sumLogprob: number, tokens: readonly number[]): number {
  if (Number.isNaN(sumLogprob)) {
    throw new ModelError('LOGITS_NOT_NUMBERS', 'what the model gives is not a number, so there is no text in it', {
      hint: 'Its weights are damaged, or too large for float16: fetch the model anew, or take --dtype float32.',
    });
  }
  return sumLogprob / (tokens.length + 1);
}
