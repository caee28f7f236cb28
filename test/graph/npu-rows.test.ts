import { describe, expect, test } from 'vitest';
import { inputsLayout, type RowsShape, rowInputs } from '../../src/backend/npu/row-inputs.ts';
import { npuRowsGraph } from '../../src/graph/npu-rows.ts';
import { logSumExp, topK } from '../../src/logits/log-softmax.ts';
import { expectClose } from '../support/compare.ts';
import { smallDimensions as dimensions, randomValues, randomWeights } from '../support/random-checkpoint.ts';
import { referenceWhisper } from '../support/reference-whisper.ts';
import { type Feeds, floats, integers, openGraph, valuesOf } from './open-graph.ts';

const { nAudioCtx, nMels, nTextLayer, nTextState, nVocab } = dimensions;
const weights = randomWeights(dimensions);
const reference = referenceWhisper(dimensions, weights);
const audio = [1, 2].map((seed) => reference.encode(randomValues(nMels * 2 * nAudioCtx, seed)));
const decode = audio.map((encoded) => reference.decoder(encoded));
const rowSize = nTextLayer * 2 * nTextState;
const capacity = 9;
/** Suppresses some tokens. */
const suppress = Float32Array.from({ length: nVocab }, (_, i) => (i % 5 === 0 ? Number.NEGATIVE_INFINITY : 0));
const alignmentHeads = [
  [0, 2],
  [2, 1],
] as const;

/** A text, and where its rows lie in its window's log. */
interface Text {
  readonly tokens: readonly number[];
  readonly rows: readonly number[];
}

/** Per window two sequences that share their first two rows. */
const logs: readonly (readonly Text[])[] = [
  [
    { tokens: [1, 39, 7, 20], rows: [0, 2, 5, 6] },
    { tokens: [1, 39, 0, 5], rows: [0, 2, 7, 8] },
  ],
  [
    { tokens: [4, 0, 38, 6], rows: [1, 0, 4, 3] },
    { tokens: [4, 0, 25, 9], rows: [1, 0, 2, 8] },
  ],
];

/** The logs as a graph reads them; rows of nobody hold numbers that would be noticed. */
function selfKv(windows: number): Float32Array {
  const values = new Float32Array(windows * capacity * rowSize).fill(99);
  for (const [window, sequences] of logs.slice(0, windows).entries())
    for (const { tokens, rows } of sequences)
      for (const [i, row] of decode[window]!(tokens).selfKv.entries())
        values.set(row.flat(2), (window * capacity + rows[i]!) * rowSize);
  return values;
}

function crossKv(windows: number): Feeds {
  const feeds: Feeds = {};
  for (let layer = 0; layer < nTextLayer; layer++) {
    const kv = audio.slice(0, windows).map((encoded) => reference.crossKv(encoded, layer));
    const dims = [windows, nAudioCtx, nTextState];
    feeds[`cross_k_${layer}`] = floats(dims, Float32Array.from(kv.flatMap(({ k }) => k.flat())));
    feeds[`cross_v_${layer}`] = floats(dims, Float32Array.from(kv.flatMap(({ v }) => v.flat())));
  }
  return feeds;
}

type Form = RowsShape & { readonly alignmentHeads?: typeof alignmentHeads };

/** Continues sequences of `logs`: per window the same of its two, by the same number of tokens. */
async function forward(form: Form, sequences: readonly number[], tails: readonly (readonly number[])[]) {
  const { rows, windows, candidates } = form;
  const tokensPerSequence = tails[0]!.length;
  const inWindows = Array.from({ length: windows }, (_, window) =>
    sequences.map((text) => logs[window]![text]!),
  ).flat();
  const added = tails.flat();
  const addition = {
    tokens: Int32Array.from(added),
    positions: Int32Array.from(added, (_, i) => 4 + (i % tokensPerSequence)),
    windows,
    tokensPerSequence,
    pastEntries: inWindows.map((text) => text.rows),
    kvLength: capacity,
    firstToken: 0,
  };
  const bytes = rowInputs(addition, form, { firstWindow: 0, from: 0 });
  const { tokens, positions, ranges, visible } = inputsLayout(form);
  const input = ({ offset, sizeBytes }: typeof visible) =>
    bytes.buffer.slice(offset, offset + sizeBytes) as ArrayBuffer;
  await using graph = await openGraph((of, layout) => npuRowsGraph(of, layout, 'f32', form), dimensions, weights);
  const results = await graph.run({
    ...crossKv(windows),
    tokens: integers([rows], [...new Int32Array(input(tokens))]),
    positions: integers([rows], [...new Int32Array(input(positions))]),
    visible: integers([rows, visible.sizeBytes / 4 / rows], [...new Int32Array(input(visible))]),
    ...(candidates > 0
      ? { suppress: floats([nVocab], suppress), ranges: integers([rows, 4], [...new Int32Array(input(ranges))]) }
      : {}),
    self_kv: floats([windows, capacity, nTextLayer, 2, nTextState], selfKv(windows)),
  });
  const expected = inWindows.map((text, i) => {
    const said = decode[Math.floor(i / sequences.length)]!([...text.tokens, ...tails[i]!]);
    return {
      logits: said.logits.slice(4),
      newKv: said.selfKv.slice(4),
      scores: alignmentHeads.map(([layer, head]) => said.scores[layer]![head]!.slice(4)),
    };
  });
  return { results, expected };
}

/** The rows of a result that hold something: the first `count` of each window's. */
function taken(form: Form, values: Float32Array, size: number, count: number): number[] {
  const perWindow = form.rows / form.windows;
  return Array.from({ length: form.windows }, (_, window) => [
    ...values.subarray(window * perWindow * size, (window * perWindow + count) * size),
  ]).flat();
}

const withAttention = { rows: 5, windows: 1, capacity, candidates: 0, alignmentHeads };
const forms: [string, Form][] = [
  ['of few rows over one window', { rows: 5, windows: 1, capacity, candidates: 0 }],
  ['of few rows over two windows, with candidates', { rows: 8, windows: 2, capacity, candidates: 4 }],
  ['of many rows', { rows: 17, windows: 1, capacity, candidates: 0 }],
  ['of rows with attention', withAttention],
];

describe.each(forms)('the graph %s', (_, form) => {
  const { windows } = form;
  const tails = [
    [[11], [30], [2]],
    [[12], [31], [3]],
  ]
    .slice(0, windows)
    .flat();

  test('continues sequences that branch, each by what it has seen', async () => {
    const { results, expected } = await forward(form, [0, 0, 1], tails);
    expectClose(
      taken(form, valuesOf(results['logits']), nVocab, 3),
      expected.flatMap(({ logits }) => logits.flat()),
    );
    for (let window = 0; window < windows; window++) {
      const ofWindow = expected.slice(3 * window, 3 * window + 3).flatMap(({ newKv }) => newKv.flat(3));
      expectClose(valuesOf(results[`new_kv_${window}`]).subarray(0, ofWindow.length), ofWindow);
    }
  });

  test('lets a token see those before it in the same step, and no other text’s', async () => {
    const pairs = tails.filter((_, i) => i % 3 < 2).map(([token]) => [token!, 17]);
    const { results, expected } = await forward(form, [1, 0], pairs);
    expectClose(
      taken(form, valuesOf(results['logits']), nVocab, 4),
      expected.flatMap(({ logits }) => logits.flat()),
    );
  });
});

test('a graph that chooses gives the likeliest tokens that are not suppressed, of each row', async () => {
  const form = { rows: 8, windows: 2, capacity, candidates: 4 };
  const tails = [[11], [30], [2], [12], [31], [3]];
  const { results, expected } = await forward(form, [0, 0, 1], tails);
  const tokens = results['candidate_tokens']!.data as Int32Array;
  const logprobs = valuesOf(results['candidate_logprobs']);
  for (const [text, { logits }] of expected.entries()) {
    const row = text < 3 ? text : text + 1; // one row of each window is left over
    const allowed = Float32Array.from(logits[0]!, (value, i) => value + suppress[i]!);
    const best = topK(allowed, 4);
    expect([...tokens.subarray(4 * row, 4 * row + 4)]).toEqual(best);
    const norm = logSumExp(allowed);
    expectClose(
      logprobs.subarray(4 * row, 4 * row + 4),
      best.map((token) => allowed[token]! - norm),
    );
  }
});

test('a graph of rows with attention gives the scores of the alignment heads', async () => {
  const form = withAttention;
  const { results, expected } = await forward(
    form,
    [0, 1],
    [
      [11, 12],
      [30, 8],
    ],
  );
  expect(results['attention']!.dims).toEqual([2, form.rows, nAudioCtx]);
  const scores = valuesOf(results['attention']);
  for (const [head] of alignmentHeads.entries())
    expectClose(
      scores.subarray(head * form.rows * nAudioCtx, (head * form.rows + 4) * nAudioCtx),
      expected.flatMap((text) => text.scores[head]!.flat()),
    );
});
