/**
 * Tensors f32, row-major, by name: `BLOCK.block` is what a block of the model computed, `BLOCK.stream` the residual
 * stream behind it (graph/taps.ts).
 */
export type Taps = ReadonlyMap<string, Float32Array>;

/** Lets comparisons see what the blocks of a model compute over one window and the text in it. */
export interface LayerProbe extends AsyncDisposable {
  /**
   * @param logMel f32 [nMels, 2 * nAudioCtx]
   * @param tokens the text, prompt included
   * @param streams what the blocks are given to start from; graphs that compute the whole model need none
   * @returns what each block computed, the streams where the whole model was computed, and {@link logitsTap}
   */
  run(logMel: Float32Array, tokens: readonly number[], streams: Taps, signal?: AbortSignal): Promise<Taps>;
}

/** Name of the logits f32 [nVocab] behind the last token. */
export const logitsTap = 'logits';

/** Whether a graph's tensor is one of {@link Taps}. */
export function isTap(name: string): boolean {
  return name.endsWith('.block') || name.endsWith('.stream');
}
