import { expect, test } from 'vitest';
import { npuGraphs } from '../../src/convert/npu-graphs.ts';
import { npuWeightType } from '../../src/graph/npu-layers.ts';
import { layOutWeights } from '../../src/graph/weights.ts';
import { whisperTensors } from '../../src/model/tensor-names.ts';
import { readModel } from '../graph/onnx-reader.ts';
import { smallDimensions as dimensions } from '../support/random-checkpoint.ts';

test.each(['f32', 'f16'] as const)('no graph of a model in %s has a Slice, whatever it is converted for', (dtype) => {
  const layout = layOutWeights(
    Array.from(whisperTensors(dimensions), ([name, shape]) => [name, { type: npuWeightType(name, dtype), shape }]),
  );
  const generation = { suppressTokens: [], beginSuppressTokens: [], maxLength: 14, alignmentHeads: [[0, 1]] as const };
  const variants = { beams: 3, windows: 2, wordTimes: true, layers: true };
  const graphs = npuGraphs({ dimensions, generation }, variants);
  const sliced = graphs.filter(({ write }) =>
    readModel(write(layout, dtype)).nodes.some(({ type }) => type === 'Slice'),
  );
  expect(graphs.length).toBeGreaterThanOrEqual(9);
  expect(sliced.map(({ name }) => name)).toEqual([]);
});
