import type ort from 'onnxruntime-node';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { TextTree, visibilityBias } from '../../src/backend/text-tree.ts';
import { cpuDecoderGraph } from '../../src/graph/cpu-decoder.ts';
import { logitsGraph } from '../../src/graph/vocabulary.ts';
import type { WeightLayout } from '../../src/graph/weights.ts';
import type { ModelDimensions } from '../../src/model/dimensions.ts';
import { expectClose } from '../support/compare.ts';
import { randomValues, randomWeights, smallDimensions } from '../support/random-checkpoint.ts';
import { type Matrix, type ReferenceText, referenceWhisper } from '../support/reference-whisper.ts';
import { graphFaults, readModel } from './onnx-reader.ts';
import { type Feeds, floats, integers, type OpenGraph, openGraph, testLayout, valuesOf } from './open-graph.ts';

const dimensions = smallDimensions;
const alignmentHeads = [
  [0, 2],
  [2, 1],
] as const;
const decoderGraph = (of: ModelDimensions, layout: WeightLayout) => cpuDecoderGraph(of, layout, { alignmentHeads });
const { nAudioCtx, nMels, nTextCtx, nTextHead, nTextLayer, nTextState } = dimensions;
const headSize = nTextState / nTextHead;
const rowSize = nTextLayer * 2 * nTextState;
const weights = randomWeights(dimensions);
const reference = referenceWhisper(dimensions, weights);
const audio = [1, 2].map((seed) => reference.encode(randomValues(nMels * 2 * nAudioCtx, seed)));
const texts = [
  [1, 39, 7, 7, 20, 0, 5, 33, 2, 11, 30, 8, 12, 3],
  [4, 0, 4, 38, 6, 25, 9, 1, 17, 13, 39, 21, 22, 5],
];

/** One text per audio given, decoded at once over one cache, as a backend does it. */
class Texts {
  readonly cache: Float32Array;
  readonly #tree: TextTree;
  readonly #decoder: OpenGraph;
  readonly #logits: OpenGraph;
  readonly #crossKv: Feeds;

  constructor(decoder: OpenGraph, logits: OpenGraph, encoded: readonly Matrix[]) {
    this.cache = new Float32Array(nTextCtx * encoded.length * rowSize);
    this.#tree = new TextTree(encoded.length, dimensions);
    this.#decoder = decoder;
    this.#logits = logits;
    this.#crossKv = crossKvOf(encoded);
  }

  /** Appends tokens to each text. @returns logits [tokens, nVocab] behind all of them, and the heads' scores */
  async append(...tokens: readonly (readonly number[])[]): Promise<{ logits: Float32Array; attention: ort.Tensor }> {
    const plan = this.#tree.plan({ tokens });
    const [past, n] = [this.#tree.rowCount, plan.tokens.length];
    const rows = (from: number, to: number) =>
      floats([to - from, nTextLayer, 2, nTextState], this.cache.subarray(from * rowSize, to * rowSize));
    const [hidden, newKv] = [floats([n, nTextState]), rows(past, past + n)];
    const attention = floats([tokens.length, alignmentHeads.length, plan.width, nAudioCtx]);
    await this.#decoder.run(
      {
        ...this.#crossKv,
        tokens: integers([n], [...plan.tokens]),
        positions: integers([n], [...plan.positions]),
        bias: floats([n, past + n], visibilityBias(plan, past)),
        self_kv: rows(0, past),
      },
      { new_kv: newKv, hidden, attention },
    );
    this.#tree.commit(plan);
    return { logits: valuesOf((await this.#logits.run({ hidden }))['logits']), attention };
  }
}

/** Cross-attention keys and values as the encoder graph gives them. */
function crossKvOf(encoded: readonly Matrix[]): Feeds {
  const feeds: Feeds = {};
  const heads = Array.from({ length: nTextHead }, (_, head) => head * headSize);
  const inHead = Array.from({ length: headSize }, (_, i) => i);
  for (let layer = 0; layer < nTextLayer; layer++) {
    const rows = encoded.map((output) => reference.crossKv(output, layer));
    const k = rows.flatMap(({ k }) => heads.flatMap((head) => inHead.flatMap((i) => k.map((row) => row[head + i]!))));
    const v = rows.flatMap(({ v }) => heads.flatMap((head) => v.flatMap((row) => row.slice(head, head + headSize))));
    feeds[`cross_k_${layer}`] = floats([encoded.length, nTextHead, headSize, nAudioCtx], Float32Array.from(k));
    feeds[`cross_v_${layer}`] = floats([encoded.length, nTextHead, nAudioCtx, headSize], Float32Array.from(v));
  }
  return feeds;
}

describe('the decoder graph', () => {
  let decoder: OpenGraph;
  let logits: OpenGraph;
  const expected: ReferenceText[] = texts.map((text, i) => reference.decoder(audio[i]!)(text));
  beforeAll(async () => {
    decoder = await openGraph(decoderGraph, dimensions, weights);
    logits = await openGraph(logitsGraph, dimensions, weights);
  });
  afterAll(async () => {
    await decoder[Symbol.asyncDispose]();
    await logits[Symbol.asyncDispose]();
  });

  test.each([1, 2, 5, nTextCtx])(
    'after a prefill of %i tokens, step by step, says at each what Whisper does',
    async (n) => {
      const text = new Texts(decoder, logits, [audio[0]!]);
      const steps = [texts[0]!.slice(0, n), ...texts[0]!.slice(n).map((token) => [token])];
      let length = 0;
      for (const tokens of steps) {
        length += tokens.length;
        const { logits: rows } = await text.append(tokens);
        expectClose(rows, expected[0]!.logits.slice(length - tokens.length, length).flat());
      }
      expect(length).toBe(nTextCtx);
    },
  );

  test('takes several tokens at any place, not only at the start', async () => {
    const text = new Texts(decoder, logits, [audio[0]!]);
    await text.append(texts[0]!.slice(0, 3));
    const { logits: rows, attention } = await text.append(texts[0]!.slice(3, 8));
    expectClose(rows, expected[0]!.logits.slice(3, 8).flat());
    const scores = alignmentHeads.map(([layer, head]) => expected[0]!.scores[layer]![head]!.slice(3, 8));
    expectClose(valuesOf(attention), scores.flat(2));
  });

  test('writes the cache in place: position by position the layers, of each the key and the value', async () => {
    const text = new Texts(decoder, logits, [audio[0]!]);
    text.cache.fill(7);
    await text.append(texts[0]!.slice(0, 3));
    const prefilled = text.cache.slice(0, 3 * rowSize);
    expectClose(prefilled, expected[0]!.selfKv.slice(0, 3).flat(3));
    expect(text.cache.subarray(3 * rowSize).every((value) => value === 7)).toBe(true);

    await text.append(texts[0]!.slice(3, 4));
    expectClose(text.cache.subarray(3 * rowSize, 4 * rowSize), expected[0]!.selfKv[3]!.flat(2));
    expect(text.cache.subarray(0, 3 * rowSize)).toEqual(prefilled);
    expect(text.cache.subarray(4 * rowSize).every((value) => value === 7)).toBe(true);
  });

  test('decodes two texts over two windows at once as it does each, their rows side by side in the cache', async () => {
    const both = new Texts(decoder, logits, audio);
    const chunks = [[0, 4], ...Array.from({ length: 4 }, (_, i) => [4 + i, 5 + i])] as [number, number][];
    for (const [from, to] of chunks) {
      const { logits: rows, attention } = await both.append(...texts.map((text) => text.slice(from, to)));
      expectClose(
        rows,
        expected.flatMap((text) => text.logits.slice(from, to).flat()),
      );
      const scores = expected.map((text) => alignmentHeads.map(([layer, head]) => text.scores[layer]![head]!));
      expectClose(
        valuesOf(attention),
        scores.flatMap((heads) => heads.flatMap((rows) => rows.slice(from, to).flat())),
      );
    }
    const rows = chunks.flatMap(([from, to]) => expected.map(({ selfKv }) => selfKv.slice(from, to).flat(3)));
    expectClose(both.cache.subarray(0, 16 * rowSize), rows.flat());
  });

  test('is sound, and named after what it does', () => {
    const model = readModel(decoderGraph(dimensions, testLayout(dimensions)));
    expect(graphFaults(model)).toEqual([]);
    const crossKv = Array.from({ length: nTextLayer }, (_, i) => [`cross_k_${i}`, `cross_v_${i}`]).flat();
    expect(model.inputs.map(({ name }) => name)).toEqual(['tokens', 'positions', 'bias', 'self_kv', ...crossKv]);
    expect(model.outputs.map(({ name }) => name)).toEqual(['new_kv', 'hidden', 'attention']);
    expect(model.opsets.map(({ domain }) => domain)).toEqual(['', 'com.microsoft']);
  });
});
