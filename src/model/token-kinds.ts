import type { Checkpoint } from './checkpoint.ts';
import { isPublished, type SpecialTokens, specialTokens } from './special-tokens.ts';

/** Where the kinds of tokens begin: words from 0 on, then the end and other special tokens, then times up to the last. */
export type TokenKinds = Pick<SpecialTokens, 'eot' | 'timestampBegin'>;

/** Of Whisper's vocabularies this is known; of others it is what their generation config says, if it does. */
export function tokenKinds({
  dimensions,
  generation,
}: Pick<Checkpoint, 'dimensions' | 'generation'>): TokenKinds | undefined {
  const { nVocab } = dimensions;
  if (isPublished(nVocab)) return specialTokens(nVocab);
  const { eosToken, noTimestampsToken } = generation;
  if (eosToken === undefined || noTimestampsToken === undefined) return undefined;
  const timestampBegin = noTimestampsToken + 1;
  return eosToken > 0 && eosToken < timestampBegin && timestampBegin < nVocab
    ? { eot: eosToken, timestampBegin }
    : undefined;
}
