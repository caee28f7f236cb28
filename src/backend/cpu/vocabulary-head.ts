import { join } from 'node:path';
import { arch } from 'node:process';
import ort from 'onnxruntime-node';
import type { ModelDimensions } from '../../model/dimensions.ts';

export interface Choice {
  readonly token: number;
  /** Its log-probability among the allowed tokens. */
  readonly logprob: number;
}

/**
 * The least margin at which a screened choice is taken as it is; below it, all logits are computed in f32.
 * Eight times the largest error of the screen seen over all steps of the test clips (scripts/measure-screen.mjs).
 */
const safeMargin = 2;

/** From the decoder's state to logits, or straight to the likeliest token. */
export class VocabularyHead {
  readonly #logits: ort.InferenceSession;
  readonly #logitsTensor: ort.Tensor;
  readonly #screen: ort.InferenceSession | undefined;
  readonly #token = new Int32Array(1);
  readonly #logprob = new Float32Array(1);
  readonly #margin = new Float32Array(1);
  readonly #screenResults: Record<string, ort.Tensor>;

  private constructor(logits: ort.InferenceSession, screen: ort.InferenceSession | undefined, nVocab: number) {
    this.#logits = logits;
    this.#screen = screen;
    this.#logitsTensor = new ort.Tensor('float32', new Float32Array(nVocab), [1, nVocab]);
    this.#screenResults = {
      next_token: new ort.Tensor('int32', this.#token, [1]),
      logprob: new ort.Tensor('float32', this.#logprob, [1]),
      margin: new ort.Tensor('float32', this.#margin, [1]),
    };
  }

  static async open(
    directory: string,
    { nVocab }: ModelDimensions,
    options: ort.InferenceSession.SessionOptions,
  ): Promise<VocabularyHead> {
    // ONNX Runtime has its fast 8-bit product for x86-64; elsewhere the f32 one serves every token.
    const screened = arch === 'x64';
    // Used now and then, the logits graph reads the weights file in place instead of keeping a packed copy of 100 MB.
    const unpacked = { ...options, extra: { session: { disable_prepacking: '1' } } };
    const logits = await ort.InferenceSession.create(join(directory, 'logits.onnx'), screened ? unpacked : options);
    const screen = screened ? await ort.InferenceSession.create(join(directory, 'choice.onnx'), options) : undefined;
    return new VocabularyHead(logits, screen, nVocab);
  }

  /** @param hidden f32 [1, nTextState] @returns f32 [nVocab], valid until the next call */
  async logits(hidden: ort.Tensor): Promise<Float32Array> {
    await this.#logits.run({ hidden }, { logits: this.#logitsTensor });
    return this.#logitsTensor.data as Float32Array;
  }

  /** @param suppress f32 [nVocab], added to the logits */
  async choose(hidden: ort.Tensor, suppress: Float32Array): Promise<Choice> {
    if (this.#screen !== undefined) {
      const feeds = { hidden, suppress: new ort.Tensor('float32', suppress, [suppress.length]) };
      await this.#screen.run(feeds, this.#screenResults);
      const [token, logprob, margin] = [this.#token[0], this.#logprob[0], this.#margin[0]];
      if (token !== undefined && logprob !== undefined && (margin ?? 0) >= safeMargin) return { token, logprob };
    }
    return likeliest(await this.logits(hidden), suppress);
  }

  async close(): Promise<void> {
    await this.#logits.release();
    await this.#screen?.release();
  }
}

/** Arg-max (the first of equals) and its log-softmax. */
function likeliest(logits: Float32Array, suppress: Float32Array): Choice {
  let token = 0;
  let best = Number.NEGATIVE_INFINITY;
  for (let i = 0; i < logits.length; i++) {
    const logit = (logits[i] as number) + (suppress[i] as number);
    if (logit > best) {
      best = logit;
      token = i;
    }
  }
  let sum = 0;
  for (let i = 0; i < logits.length; i++) sum += Math.exp((logits[i] as number) + (suppress[i] as number) - best);
  return { token, logprob: -Math.log(sum) };
}
