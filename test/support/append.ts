import type { DecoderRun, GreedyRequest, GreedySequence } from '../../src/backend/backend.ts';

/** Continues a single text. @returns the logits behind its last token, f32 [nVocab] */
export async function append(run: DecoderRun, tokens: readonly number[], signal?: AbortSignal): Promise<Float32Array> {
  return (await run.forward({ tokens: [tokens] }, signal)).logits;
}

/** Decodes a single text greedily. */
export async function greedyAlone(
  run: DecoderRun,
  request: GreedyRequest,
  signal?: AbortSignal,
): Promise<GreedySequence> {
  const { sequences } = await run.greedy(request, signal);
  return sequences[0] as GreedySequence;
}
