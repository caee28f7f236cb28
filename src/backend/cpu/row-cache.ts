import ort from 'onnxruntime-node';
import type { ModelDimensions } from '../../model/dimensions.ts';

/** Memory of the keys and values of texts, f32 [rows, nTextLayer, 2, nTextState], which grows with the rows asked for. */
export class RowCache {
  readonly #dimensions: ModelDimensions;
  readonly #rowSize: number;
  #values: Float32Array;

  /** Begins with room for one text. */
  constructor(dimensions: ModelDimensions) {
    const { nTextCtx, nTextLayer, nTextState } = dimensions;
    this.#dimensions = dimensions;
    this.#rowSize = nTextLayer * 2 * nTextState;
    this.#values = new Float32Array(nTextCtx * this.#rowSize);
  }

  /** A view of rows `from` to `to`, valid until more rows than ever before are asked for. */
  rows(from: number, to: number): ort.Tensor {
    const { nTextLayer, nTextState } = this.#dimensions;
    if (to * this.#rowSize > this.#values.length) this.#grow(to);
    const view = this.#values.subarray(from * this.#rowSize, to * this.#rowSize);
    return new ort.Tensor('float32', view, [to - from, nTextLayer, 2, nTextState]);
  }

  #grow(rows: number): void {
    const grown = new Float32Array(Math.max(rows * this.#rowSize, 2 * this.#values.length));
    grown.set(this.#values);
    this.#values = grown;
  }
}
