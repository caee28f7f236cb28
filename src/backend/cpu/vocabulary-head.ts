import { join } from 'node:path';
import ort from 'onnxruntime-node';
import type { ModelDimensions } from '../../model/dimensions.ts';
import { type Allowed, type Choice, chooseToken } from '../greedy.ts';

/** From the decoder's state to the logits of the whole vocabulary, in f32. */
export class VocabularyHead {
  readonly #session: ort.InferenceSession;
  readonly #dimensions: ModelDimensions;

  private constructor(session: ort.InferenceSession, dimensions: ModelDimensions) {
    this.#session = session;
    this.#dimensions = dimensions;
  }

  /**
   * @param rare whether the decoder chooses most tokens itself; then the graph reads the weights file in place instead
   *   of keeping a packed copy of 100 MB, and its threads do not wait for work with the decoder's in their way
   */
  static async open(
    directory: string,
    dimensions: ModelDimensions,
    options: ort.InferenceSession.SessionOptions,
    rare: boolean,
  ): Promise<VocabularyHead> {
    const lean = { ...options, extra: { session: { disable_prepacking: '1', intra_op: { allow_spinning: '0' } } } };
    const session = await ort.InferenceSession.create(join(directory, 'logits.onnx'), rare ? lean : options);
    return new VocabularyHead(session, dimensions);
  }

  /** @param hidden f32 [rows, nTextState] @returns f32 [rows, nVocab] */
  async logits(hidden: Float32Array): Promise<Float32Array> {
    const { nTextState, nVocab } = this.#dimensions;
    const rows = hidden.length / nTextState;
    const logits = new ort.Tensor('float32', new Float32Array(rows * nVocab), [rows, nVocab]);
    await this.#session.run({ hidden: new ort.Tensor('float32', hidden, [rows, nTextState]) }, { logits });
    return logits.data as Float32Array;
  }

  /** @param hidden f32 [nTextState] */
  async choose(hidden: Float32Array, allowed: Allowed): Promise<Choice> {
    return chooseToken(await this.logits(hidden), allowed);
  }
}
