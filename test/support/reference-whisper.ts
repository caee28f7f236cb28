import type { GreedyRequest, GreedySequence } from '../../src/backend/backend.ts';
import { timestampFilter } from '../../src/decoding/logit-filters.ts';
import type { ModelDimensions } from '../../src/model/dimensions.ts';
import type { Weights } from './random-checkpoint.ts';

/** Rows of numbers. */
export type Matrix = readonly (readonly number[])[];

/** A row per position. */
export interface KeysAndValues {
  readonly k: Matrix;
  readonly v: Matrix;
}

/** What the decoder says of a whole text. */
export interface ReferenceText {
  /** [tokens, nVocab]: what follows each token. */
  readonly logits: Matrix;
  /** [tokens][nTextLayer][key, value][nTextState]: what a cache of the text would hold. */
  readonly selfKv: readonly (readonly [key: readonly number[], value: readonly number[]][])[];
  /** [nTextLayer][nTextHead][tokens, nAudioCtx]: scores of cross-attention before the softmax. */
  readonly scores: readonly (readonly Matrix[])[];
}

export interface ReferenceWhisper {
  readonly dimensions: ModelDimensions;
  /** log-mel, row-major [nMels, 2 * nAudioCtx] -> [nAudioCtx, nAudioState] */
  encode(logMel: Float32Array): Matrix;
  /** Cross-attention keys and values of a decoder layer, each [nAudioCtx, nTextState]. */
  crossKv(encoderOutput: Matrix, layer: number): KeysAndValues;
  /** Listens to a window once, for as many sequences as are asked for. */
  decoder(encoderOutput: Matrix): ReferenceDecoder;
}

export type ReferenceDecoder = (tokens: readonly number[]) => ReferenceText;

/**
 * Whisper written down as plainly as possible, in f64: no batch, no cache of a text, each computed anew from its start.
 * Source: openai/whisper model.py. Shares nothing with the code it is compared to but the names of the weights.
 */
export function referenceWhisper(dimensions: ModelDimensions, weights: Weights): ReferenceWhisper {
  const { nMels, nAudioCtx, nAudioHead, nAudioLayer, nTextHead, nTextLayer, nTextState } = dimensions;

  const tensor = (name: string): Float32Array => {
    const values = weights.get(name);
    if (values === undefined) throw new Error(`no weight ${name}`);
    return values;
  };
  const matrix = (name: string, width: number): Matrix => rowsOf(tensor(name), width);

  function linear(x: Matrix, name: string): Matrix {
    const weight = matrix(`${name}.weight`, width(x));
    const bias = weights.get(`${name}.bias`);
    return x.map((row) => weight.map((column, i) => dot(row, column) + (bias?.[i] ?? 0)));
  }

  function layerNorm(x: Matrix, name: string): Matrix {
    const [gamma, beta] = [tensor(`${name}.weight`), tensor(`${name}.bias`)];
    return x.map((row) => {
      const mean = sum(row) / row.length;
      const variance = sum(row.map((value) => (value - mean) ** 2)) / row.length;
      return row.map((value, i) => ((value - mean) / Math.sqrt(variance + 1e-5)) * at(gamma, i) + at(beta, i));
    });
  }

  /** Convolves along the rows with kernels of 3 and one row of zeros around: [time, in] -> [time / stride, out]. */
  function convolve(x: Matrix, name: string, stride: number): Matrix {
    const kernels = matrix(`${name}.weight`, width(x) * 3);
    const bias = tensor(`${name}.bias`);
    return Array.from({ length: x.length / stride }, (_, time) =>
      kernels.map((kernel, out) => {
        let total = at(bias, out);
        for (let tap = 0; tap < 3; tap++)
          for (const [channel, value] of (x[time * stride + tap - 1] ?? []).entries())
            total += value * at(kernel, channel * 3 + tap);
        return total;
      }),
    );
  }

  /** Scores of each head, [rows, keys]. */
  function attentionScores(x: Matrix, { k }: KeysAndValues, heads: number, name: string): Matrix[] {
    const q = linear(x, `${name}.q_proj`);
    const headSize = width(q) / heads;
    return Array.from({ length: heads }, (_, head) => {
      const ofHead = (rows: Matrix) => rows.map((row) => row.slice(head * headSize, (head + 1) * headSize));
      const keys = ofHead(k);
      return ofHead(q).map((query) => keys.map((key) => dot(query, key) / Math.sqrt(headSize)));
    });
  }

  function attention(x: Matrix, source: KeysAndValues, heads: number, isCausal: boolean, name: string) {
    const scores = attentionScores(x, source, heads, name);
    const headSize = width(source.v) / heads;
    const perHead = scores.map((ofHead, head): Matrix => {
      const values = transpose(source.v.map((row) => row.slice(head * headSize, (head + 1) * headSize)));
      return ofHead.map((row, position) => {
        const shares = softmax(isCausal ? row.slice(0, position + 1) : row);
        return values.map((column) => dot(shares, column.slice(0, shares.length)));
      });
    });
    const joined = x.map((_, position) => perHead.flatMap((rows) => rows[position] ?? []));
    return linear(joined, `${name}.out_proj`);
  }

  const keysAndValues = (x: Matrix, name: string): KeysAndValues => ({
    k: linear(x, `${name}.k_proj`),
    v: linear(x, `${name}.v_proj`),
  });
  const crossKv = (encoderOutput: Matrix, layer: number) =>
    keysAndValues(encoderOutput, `model.decoder.layers.${layer}.encoder_attn`);
  const feedForward = (x: Matrix, name: string) =>
    linear(mapAll(linear(layerNorm(x, `${name}.final_layer_norm`), `${name}.fc1`), gelu), `${name}.fc2`);

  function encode(logMel: Float32Array): Matrix {
    const mels = rowsOf(logMel, 2 * nAudioCtx);
    if (mels.length !== nMels) throw new Error(`${mels.length} rows of log-mel`);
    const frames = transpose(mels);
    const convolved = mapAll(convolve(frames, 'model.encoder.conv1', 1), gelu);
    let x = mapAll(convolve(convolved, 'model.encoder.conv2', 2), gelu);
    x = add(x, matrix('model.encoder.embed_positions.weight', width(x)));
    for (let layer = 0; layer < nAudioLayer; layer++) {
      const name = `model.encoder.layers.${layer}`;
      const normed = layerNorm(x, `${name}.self_attn_layer_norm`);
      const source = keysAndValues(normed, `${name}.self_attn`);
      x = add(x, attention(normed, source, nAudioHead, false, `${name}.self_attn`));
      x = add(x, feedForward(x, name));
    }
    return layerNorm(x, 'model.encoder.layer_norm');
  }

  function decoder(encoderOutput: Matrix): ReferenceDecoder {
    const audio = Array.from({ length: nTextLayer }, (_, layer) => crossKv(encoderOutput, layer));
    const embedding = matrix('model.decoder.embed_tokens.weight', nTextState);
    const positions = matrix('model.decoder.embed_positions.weight', nTextState);
    return (tokens) => {
      const selfKv = tokens.map((): [readonly number[], readonly number[]][] => []);
      const scores: Matrix[][] = [];
      let x = add(
        tokens.map((token) => embedding[token] ?? []),
        positions,
      );
      for (const [layer, source] of audio.entries()) {
        const name = `model.decoder.layers.${layer}`;
        const normed = layerNorm(x, `${name}.self_attn_layer_norm`);
        const own = keysAndValues(normed, `${name}.self_attn`);
        for (const [i, rows] of selfKv.entries()) rows.push([own.k[i] ?? [], own.v[i] ?? []]);
        x = add(x, attention(normed, own, nTextHead, true, `${name}.self_attn`));
        const query = layerNorm(x, `${name}.encoder_attn_layer_norm`);
        scores.push(attentionScores(query, source, nTextHead, `${name}.encoder_attn`));
        x = add(x, attention(query, source, nTextHead, false, `${name}.encoder_attn`));
        x = add(x, feedForward(x, name));
      }
      const last = layerNorm(x, 'model.decoder.layer_norm');
      return { logits: last.map((row) => embedding.map((token) => dot(row, token))), selfKv, scores };
    };
  }

  return { dimensions, encode, crossKv, decoder };
}

/** The text that a backend's `greedy` should give over one of its windows. */
export function greedyText(decode: ReferenceDecoder, request: GreedyRequest, window = 0): GreedySequence {
  const [tokens, logprobs]: [number[], number[]] = [[], []];
  const { prompts, timestamps, maxTokens, stopToken } = request;
  while (tokens.length < maxTokens && (tokens.length === 0 || tokens.at(-1) !== stopToken)) {
    const mask = tokens.length === 0 ? request.beginSuppress : request.suppress;
    const logits = Float32Array.from(decode([...(prompts[window] ?? []), ...tokens]).logits.at(-1) ?? []);
    if (timestamps !== undefined) {
      for (const [i, value] of mask.entries()) logits[i] = at(logits, i) + value;
      timestampFilter(timestamps.rules).apply(logits, [...(timestamps.sequences[window] ?? []), ...tokens]);
    }
    const { token, logprob } = choose([...logits], mask);
    tokens.push(token);
    logprobs.push(logprob);
  }
  return { tokens, logprobs, logprobErrors: tokens.map(() => 0) };
}

/** The likeliest token under a mask, and its log-probability among those it allows. */
function choose(logits: readonly number[], mask: Float32Array): { token: number; logprob: number } {
  const probabilities = softmax(logits.map((logit, i) => logit + at(mask, i)));
  const highest = Math.max(...probabilities);
  return { token: probabilities.indexOf(highest), logprob: Math.log(highest) };
}

/** x * P(normal variable <= x), erf by its series of positive terms (no digits cancel). */
function gelu(x: number): number {
  const z = Math.min(Math.abs(x) / Math.SQRT2, 6); // erf(6) is 1 in f64
  let erf = 0;
  for (let n = 0, term = z; n < 200; n++, term *= (2 * z * z) / (2 * n + 1)) erf += term;
  erf *= (2 / Math.sqrt(Math.PI)) * Math.exp(-z * z);
  return (x / 2) * (1 + Math.sign(x) * erf);
}

function softmax(scores: readonly number[]): number[] {
  const highest = Math.max(...scores);
  const weights = scores.map((score) => Math.exp(score - highest));
  const total = sum(weights);
  return weights.map((weight) => weight / total);
}

function at(values: ArrayLike<number> | undefined, i: number): number {
  const value = values?.[i];
  if (value === undefined) throw new RangeError(`no value at ${i}`);
  return value;
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}

function dot(a: readonly number[], b: readonly number[]): number {
  let total = 0;
  for (let i = 0; i < a.length; i++) total += (a[i] as number) * (b[i] as number);
  return total;
}

/** Adds the first rows of `b` to `a`. */
function add(a: Matrix, b: Matrix): Matrix {
  return a.map((row, i) => row.map((value, j) => value + at(b[i], j)));
}

function mapAll(x: Matrix, change: (value: number) => number): Matrix {
  return x.map((row) => row.map(change));
}

function transpose(x: Matrix): Matrix {
  return Array.from({ length: width(x) }, (_, i) => x.map((row) => at(row, i)));
}

function width(x: Matrix): number {
  return x[0]?.length ?? 0;
}

function rowsOf(values: Float32Array, width: number): Matrix {
  return Array.from({ length: values.length / width }, (_, i) => [...values.subarray(i * width, (i + 1) * width)]);
}
