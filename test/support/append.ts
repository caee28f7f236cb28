import type { DecoderRun } from '../../src/backend/backend.ts';

/** Continues a single text. @returns the logits behind its last token, f32 [nVocab] */
export async function append(run: DecoderRun, tokens: readonly number[], signal?: AbortSignal): Promise<Float32Array> {
  return (await run.forward({ tokens: [tokens] }, signal)).logits;
}
