import { beforeAll, describe, expect, test } from 'vitest';
import { cpuEncoderGraph } from '../../src/graph/cpu-encoder.ts';
import { expectClose } from '../support/compare.ts';
import { randomValues, randomWeights, smallDimensions } from '../support/random-checkpoint.ts';
import { type Matrix, referenceWhisper } from '../support/reference-whisper.ts';
import { graphFaults, readModel } from './onnx-reader.ts';
import { type Feeds, floats, openGraph, testLayout, valuesOf } from './open-graph.ts';

const dimensions = smallDimensions;
const { nMels, nAudioCtx, nAudioState, nTextHead, nTextLayer, nTextState } = dimensions;
const headSize = nTextState / nTextHead;
const weights = randomWeights(dimensions);
const reference = referenceWhisper(dimensions, weights);
const windows = [1, 2].map((seed) => randomValues(nMels * 2 * nAudioCtx, seed));

async function encode(...logMels: Float32Array[]): Promise<Feeds> {
  await using graph = await openGraph(cpuEncoderGraph, dimensions, weights);
  const logMel = Float32Array.from(logMels.flatMap((values) => [...values]));
  return await graph.run({ log_mel: floats([logMels.length, nMels, 2 * nAudioCtx], logMel) });
}

describe('the encoder graph', () => {
  let single: Feeds;
  let pair: Feeds;
  beforeAll(async () => {
    single = await encode(windows[0]!);
    pair = await encode(...windows);
  });

  test('computes what Whisper does', () => {
    expect(single['encoder_output']!.dims).toEqual([1, nAudioCtx, nAudioState]);
    expectClose(valuesOf(single['encoder_output']), reference.encode(windows[0]!).flat());
  });

  test('encodes two windows at once as it does each', () => {
    const expected = windows.map((window) => reference.encode(window).flat());
    expect(pair['encoder_output']!.dims).toEqual([2, nAudioCtx, nAudioState]);
    expectClose(valuesOf(pair['encoder_output']), expected.flat());
  });

  test('gives keys [batch, head, headSize, time] and values [batch, head, time, headSize] for every decoder layer', () => {
    for (let layer = 0; layer < nTextLayer; layer++) {
      const [k, v] = [pair[`cross_k_${layer}`]!, pair[`cross_v_${layer}`]!];
      expect(k.dims).toEqual([2, nTextHead, headSize, nAudioCtx]);
      expect(v.dims).toEqual([2, nTextHead, nAudioCtx, headSize]);
      const expected = windows.map((window) => reference.crossKv(reference.encode(window), layer));
      expectClose(
        valuesOf(k),
        expected.flatMap(({ k: rows }) => heads(rows).flatMap((head) => columns(head).flat())),
      );
      expectClose(
        valuesOf(v),
        expected.flatMap(({ v: rows }) => heads(rows).flatMap((head) => head.flat())),
      );
    }
  });

  test('is sound, and static but for the batch', () => {
    const model = readModel(cpuEncoderGraph(dimensions, testLayout(dimensions)));
    expect(graphFaults(model)).toEqual([]);
    expect(model.inputs).toEqual([{ name: 'log_mel', type: 1, dims: ['batch', nMels, 2 * nAudioCtx] }]);
    const named = [...model.inputs, ...model.outputs].flatMap(({ dims }) => dims.filter((dim) => dim !== Number(dim)));
    expect(new Set(named)).toEqual(new Set(['batch']));
  });
});

/** Rows [time, nTextState] -> per head, rows [time, headSize]. */
function heads(rows: Matrix): Matrix[] {
  return Array.from({ length: nTextHead }, (_, head) =>
    rows.map((row) => row.slice(head * headSize, (head + 1) * headSize)),
  );
}

function columns(rows: Matrix): Matrix {
  return Array.from({ length: rows[0]?.length ?? 0 }, (_, i) => rows.map((row) => row[i] ?? Number.NaN));
}
