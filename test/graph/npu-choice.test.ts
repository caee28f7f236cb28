import ort from 'onnxruntime-node';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Choice, chooseToken as chooseOnHost } from '../../src/backend/greedy.ts';
import { chooseToken, splitState } from '../../src/graph/npu-choice.ts';
import { type NpuDtype, npuLayers, npuOpset } from '../../src/graph/npu-layers.ts';
import { createGraph } from '../../src/graph/onnx.ts';
import { layOutWeights } from '../../src/graph/weights.ts';
import { maskDisallowed, type TimestampRules } from '../../src/logits/timestamp-rules.ts';
import { toHalf, widenF16 } from '../../src/model/float.ts';
import { type GreedyState, greedySlotSize, greedyState } from '../../src/model/greedy-state.ts';
import { smallDimensions } from '../support/random-checkpoint.ts';
import { floats, valuesOf } from './open-graph.ts';

const nVocab = 300;
const kinds = { eot: 240, timestampBegin: 250 };
const windows = 3;
const forbidden = -1e30;

function choiceGraph(dtype: NpuDtype): Uint8Array {
  const graph = createGraph('choice', npuOpset);
  const layers = npuLayers(graph, layOutWeights([]), smallDimensions, dtype);
  const state = graph.input('state', 'f32', [windows, greedySlotSize]);
  const suppress = graph.input('suppress', 'f32', [nVocab]);
  const logits = layers.cast(graph.input('logits', dtype, [windows, nVocab]), dtype, 'f32');
  const next = chooseToken(layers, { windows, nVocab, kinds }, splitState(layers, state), { logits, suppress });
  graph.output('next_state', next, 'f32', [windows, greedySlotSize]);
  return graph.serialize();
}

/** Uniform in [0, 1), the same for the same seed. */
function randomSource(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
}

/** How texts are decoded that stand beside one another. */
interface Text {
  readonly rules: TimestampRules | undefined;
  readonly tokens: number[];
}

/** What Whisper's rules choose behind a text. */
function choiceBehind({ rules, tokens }: Text, logits: Float32Array, suppress: Float32Array): Choice {
  const mask = suppress.slice();
  if (rules === undefined) return chooseOnHost(logits, { mask });
  maskDisallowed(mask, tokens, rules);
  return chooseOnHost(logits, { mask, timestampBegin: rules.timestampBegin });
}

function beginning({ rules, tokens }: Text): GreedyState {
  const { timestampBegin } = kinds;
  const isTime = (token: number | undefined) => token !== undefined && token >= timestampBegin;
  const isTimed = rules !== undefined;
  return {
    token: tokens.at(-1) ?? 0,
    position: 5,
    entry: 7,
    timed: Number(isTimed),
    isTime: Number(isTimed && isTime(tokens.at(-1))),
    wasTime: Number(isTimed && tokens.length > 0 && (tokens.length < 2 || isTime(tokens.at(-2)))),
    latest: isTimed ? (tokens.findLast(isTime) ?? timestampBegin - 1) : timestampBegin - 1,
    needsTime: Number(isTimed && tokens.length === 0),
    highest: isTimed && tokens.length === 0 ? timestampBegin + rules.maxInitialIndex : nVocab,
    logprob: 0,
    logSum: 0,
  };
}

const slotOf = (state: GreedyState) => [
  ...greedyState.map((name) => state[name]),
  ...Array<number>(greedySlotSize - greedyState.length).fill(0),
];

describe.each(['f32', 'f16'] as const)('tokens chosen in a graph of %s', (dtype) => {
  let session: ort.InferenceSession;
  beforeAll(async () => {
    session = await ort.InferenceSession.create(choiceGraph(dtype));
  });
  afterAll(() => session.release());

  /** What float16 keeps of a logit. */
  const rounded = (values: Float32Array) => {
    if (dtype === 'f32') return values;
    const wide = new Float32Array(values.length);
    widenF16(Int16Array.from(values, toHalf), new Int32Array(wide.buffer), 0);
    return wide;
  };
  const tensorOf = (values: Float32Array) =>
    dtype === 'f32'
      ? floats([windows, nVocab], values)
      : new ort.Tensor('float16', Uint16Array.from(values, toHalf), [windows, nVocab]);

  test.each([
    ['a text begins', []],
    ['it begins with a time', [253]],
    ['it begins with a word', [17]],
    ['a stretch has begun and says something', [253, 17]],
    ['a stretch has ended', [253, 17, 260]],
    ['another one has begun', [253, 17, 260, 260]],
  ])('are those of Whisper’s rules when %s, with their log-probabilities', async (_, text) => {
    const random = randomSource(text.length + 1);
    const steps = 40;
    const faults: unknown[] = [];
    let times = 0;
    for (let trial = 0; trial < 10; trial++) {
      const rules = { ...kinds, noTimestamps: 249, maxInitialIndex: trial % 20 };
      const texts: Text[] = Array.from({ length: windows }, (__, window) => ({
        rules: window === 1 && trial % 5 === 0 ? undefined : rules,
        tokens: [...text],
      }));
      const suppress = new Float32Array(nVocab);
      for (let i = 0; i < 20; i++) suppress[Math.floor(random() * 239)] = Number.NEGATIVE_INFINITY;
      suppress[249] = Number.NEGATIVE_INFINITY;
      const mask = floats(
        [nVocab],
        suppress.map((value) => Math.max(value, forbidden)),
      );
      let state = floats([windows, greedySlotSize], Float32Array.from(texts.flatMap((t) => slotOf(beginning(t)))));
      for (let step = 0; step < steps; step++) {
        const lift = [-4, -1, 0, 1.5][Math.floor(random() * 4)] ?? 0;
        const drawn = Float32Array.from({ length: windows * nVocab }, (__, i) => {
          return 8 * (random() + random() - 1) + (i % nVocab >= kinds.timestampBegin ? lift : 0);
        });
        const logits = rounded(drawn);
        const { next_state } = await session.run({ logits: tensorOf(logits), suppress: mask, state });
        const next = valuesOf(next_state);
        for (const [window, each] of texts.entries()) {
          const own = logits.slice(window * nVocab, (window + 1) * nVocab);
          const { token, logprob } = choiceBehind(each, own, suppress);
          const slot = next.subarray(window * greedySlotSize, (window + 1) * greedySlotSize);
          const error = Math.abs((slot[greedyState.indexOf('logprob')] ?? 0) - logprob);
          const isRight = slot[0] === token && error < 1e-4 && slot[1] === 6 + step && slot[2] === 8 + step;
          if (!isRight) faults.push({ trial, step, window, behind: each.tokens.slice(-3), token, logprob, slot });
          each.tokens.push(token);
          if (token >= kinds.timestampBegin) times++;
        }
        state = floats([windows, greedySlotSize], next.slice());
      }
    }
    expect(faults).toEqual([]);
    expect(times).toBeGreaterThan(100);
  });
});
