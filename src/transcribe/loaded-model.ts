import type { Backend } from '../backend/backend.ts';
import type { DecodingRules } from '../decoding/rules.ts';
import type { Dtype } from '../model/dtype.ts';
import type { WhisperTokenizer } from '../model/tokenizer.ts';

/** A model on a device, with what turns its tokens into text. */
export interface LoadedModel extends AsyncDisposable {
  readonly name: string;
  /** A short hash of its weights, the same on every machine. */
  readonly hash?: string | undefined;
  /** What the device computes in. */
  readonly dtype: Dtype;
  readonly backend: Backend;
  readonly tokenizer: WhisperTokenizer;
  readonly rules: DecodingRules;
}
