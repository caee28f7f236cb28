/**
 * f32 tensors, row-major, by name: `BLOCK.block` is the output of a block of the model (an attention, a feed-forward network, a
 * norm), `BLOCK.stream` the residual stream behind it (graph/taps.ts).
 */
export type Taps = ReadonlyMap<string, Float32Array>;

/** Returns what the blocks of a model compute for one window and a sequence over it, for comparisons of two models. */
export interface LayerProbe extends AsyncDisposable {
  /**
   * @param logMel f32 [nMels, 2 * nAudioCtx]
   * @param tokens the whole sequence, including the prompt
   * @param streams the residual streams that the blocks start from; a probe that computes the whole model needs none
   * @returns the output of each block, the streams where the whole model was computed, and {@link logitsTap}
   */
  run(logMel: Float32Array, tokens: readonly number[], streams: Taps, signal?: AbortSignal): Promise<Taps>;
}

/** Name of the logits f32 [nVocab] behind the last token. */
export const logitsTap = 'logits';

/** Whether a graph's tensor is one of {@link Taps}. */
export function isTap(name: string): boolean {
  return name.endsWith('.block') || name.endsWith('.stream');
}
