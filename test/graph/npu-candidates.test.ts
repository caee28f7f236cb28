import ort from 'onnxruntime-node';
import { describe, expect, test } from 'vitest';
import { allowedLogits, blockSizes, type CandidatesShape, topTokens } from '../../src/graph/npu-candidates.ts';
import { npuLayers, npuOpset } from '../../src/graph/npu-layers.ts';
import { createGraph } from '../../src/graph/onnx.ts';
import { layOutWeights } from '../../src/graph/weights.ts';
import { logSumExp, topK } from '../../src/logits/log-softmax.ts';
import { randomValues, smallDimensions } from '../support/random-checkpoint.ts';
import { floats, integers, valuesOf } from './open-graph.ts';

async function open(shape: CandidatesShape, isFiltered = false): Promise<ort.InferenceSession> {
  const { rows, nVocab, count } = shape;
  const graph = createGraph('candidates', npuOpset);
  const layers = npuLayers(graph, layOutWeights([]), smallDimensions, 'f32');
  const logits = graph.input('logits', 'f32', [rows, nVocab]);
  const allowed = isFiltered
    ? allowedLogits(layers, nVocab, logits, {
        suppress: graph.input('suppress', 'f32', [nVocab]),
        ranges: graph.input('ranges', 'i32', [rows, 4]),
      })
    : logits;
  if (isFiltered) graph.output('allowed', allowed, 'f32', [rows, nVocab]);
  const { tokens, logprobs } = topTokens(layers, allowed, shape);
  graph.output('tokens', tokens, 'i32', [rows, count]);
  graph.output('logprobs', logprobs, 'f32', [rows, count]);
  return ort.InferenceSession.create(graph.serialize());
}

function rowsOf(values: Float32Array, rows: number): Float32Array[] {
  const size = values.length / rows;
  return Array.from({ length: rows }, (_, row) => values.slice(row * size, (row + 1) * size));
}

describe('the likeliest tokens', () => {
  test.each<[string, CandidatesShape, number]>([
    ['of a few tokens', { rows: 3, nVocab: 40, count: 6 }, 1],
    ['of as many as there are', { rows: 2, nVocab: 7, count: 7 }, 1],
    ['of a vocabulary cut into blocks', { rows: 2, nVocab: 5003, count: 4 }, 2],
    ['of Whisper’s, of five beams', { rows: 5, nVocab: 51865, count: 10 }, 2],
    ['of Whisper’s, of five beams over eight windows', { rows: 40, nVocab: 51866, count: 10 }, 3],
  ])('%s are those of the whole row, and their log-probabilities', async (_, shape, levels) => {
    const { rows, nVocab, count } = shape;
    expect(blockSizes(shape)).toHaveLength(levels);
    const session = await open(shape);
    // Whole and half numbers are often equal: the first of them counts.
    for (const values of [
      randomValues(rows * nVocab, 5).map((value) => 3 * value),
      randomValues(rows * nVocab, 6).map((value) => Math.round(4 * value) / 2),
    ]) {
      const given = await session.run({ logits: floats([rows, nVocab], values) });
      const logits = rowsOf(values, rows);
      const expected = logits.map((row) => topK(row, count));
      expect([...(given['tokens']!.data as Int32Array)]).toEqual(expected.flat());
      const logprobs = logits.flatMap((row, i) => {
        const norm = logSumExp(row);
        return expected[i]!.map((token) => row[token]! - norm);
      });
      expect(
        Math.max(...[...valuesOf(given['logprobs'])].map((value, i) => Math.abs(value - logprobs[i]!))),
      ).toBeLessThan(1e-4);
    }
    await session.release();
  });

  test('stay tokens where the logits are no numbers', async () => {
    const shape = { rows: 2, nVocab: 5003, count: 4 };
    const session = await open(shape);
    const given = await session.run({ logits: floats([2, 5003], new Float32Array(2 * 5003).fill(Number.NaN)) });
    for (const token of given['tokens']!.data as Int32Array) {
      expect(token).toBeGreaterThanOrEqual(0);
      expect(token).toBeLessThan(5003);
    }
    await session.release();
  });
});

test('what may come next is what the ranges and the mask leave, and no text where a time is due', async () => {
  const [nVocab, timestampBegin] = [40, 30];
  const suppress = new Float32Array(nVocab);
  suppress[3] = Number.NEGATIVE_INFINITY;
  const rows: readonly (readonly [ranges: readonly number[], raised: number, allowed: readonly number[]])[] = [
    [[0, nVocab, nVocab, nVocab], 0, range(0, nVocab)], // no rules
    [[20, 30, 33, 40], 0, [...range(20, 30), ...range(33, 40)]],
    [[30, 30, 30, 36], 0, range(30, 36)], // times alone
    [[0, 30, 40, 40], 0, range(0, 30)], // text alone, however likely times are
    [[0, 30, 33, 40], 6, range(33, 40)], // a time is due
    [[0, 30, 40, 40], 9, range(0, 30)],
  ];
  const values = randomValues(rows.length * nVocab, 8);
  for (const [row, [, raised]] of rows.entries())
    for (let id = timestampBegin; id < nVocab; id++) values[row * nVocab + id]! += raised - 2;
  const session = await open({ rows: rows.length, nVocab, count: 5 }, true);
  const given = await session.run({
    logits: floats([rows.length, nVocab], values),
    suppress: floats([nVocab], suppress),
    ranges: integers(
      [rows.length, 4],
      rows.flatMap(([ranges]) => ranges),
    ),
  });
  await session.release();
  const allowed = rowsOf(valuesOf(given['allowed']), rows.length);
  for (const [row, [, , expected]] of rows.entries()) {
    const left = range(0, nVocab).filter((id) => allowed[row]![id]! > -1e29);
    expect(left, `row ${row}`).toEqual(expected.filter((id) => id !== 3));
    for (const id of left) expect(allowed[row]![id]).toBe(values[row * nVocab + id]);
  }
});

function range(from: number, end: number): number[] {
  return Array.from({ length: end - from }, (_, i) => from + i);
}
