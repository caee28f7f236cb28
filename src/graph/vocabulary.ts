import type { ModelDimensions } from '../model/dimensions.ts';
import { createGraph, elementType, type GraphBuilder, type Value } from './onnx.ts';
import { blockSize, screenNames } from './screen.ts';
import { embedding, type WeightLayout, weight } from './weights.ts';

/**
 * The output projection for ONNX Runtime: `hidden` f32 [batch, nTextState] -> `logits` f32 [batch, nVocab].
 */
export function logitsGraph({ nTextState, nVocab }: ModelDimensions, layout: WeightLayout): Uint8Array {
  const graph = createGraph('whisper_logits', 17);
  const hidden = graph.input('hidden', 'f32', ['batch', nTextState]);
  const logits = graph.op('Gemm', [hidden, weight(graph, layout, embedding)], { transB: 1 });
  graph.output('logits', logits, 'f32', ['batch', nVocab]);
  return graph.serialize();
}

/** How many tokens the screen lets through. */
const candidates = 128;

/**
 * The likeliest allowed token without reading the whole f32 embedding, which is half of what a step reads: a copy of it
 * in 8 bits screens the vocabulary, the best 128 tokens are computed anew in f32, and the best of those is the answer.
 *
 * Inputs: `hidden` f32 [1, nTextState]; `suppress` f32 [nVocab], 0 or -Infinity, added to the logits.
 * Outputs: `next_token` i32 [1]; `logprob` f32 [1], its log-probability (the far tail of the vocabulary enters the sum
 * with its screened values); `margin` f32 [1], by how much the answer's f32 logit exceeds the screened logit of the last
 * token let through: where the screen errs by less than that, no token it stopped could have been the answer.
 */
export function screenedChoiceGraph(dimensions: ModelDimensions, layout: WeightLayout): Uint8Array {
  const { nTextState, nVocab } = dimensions;
  const graph = createGraph('whisper_choice', 17);
  const hidden = graph.input('hidden', 'f32', [1, nTextState]);
  const suppress = graph.input('suppress', 'f32', [nVocab]);
  const screened = graph.op('Add', [screenedLogits(graph, layout, dimensions, hidden), suppress]);
  const count = Math.min(candidates, nVocab);
  const [values, tokens] = graph.ops('TopK', [screened, graph.constant('i64', [1], [count])], 2, { axis: -1 });
  if (values === undefined || tokens === undefined) throw new Error('TopK has two results');
  const rows = graph.op('Gather', [weight(graph, layout, embedding), flatten(graph, tokens)], { axis: 0 });
  const exact = graph.op('Add', [
    graph.op('Gemm', [hidden, rows], { transB: 1 }),
    graph.op('Gather', [suppress, tokens], { axis: 0 }),
  ]);
  const best = graph.op('ArgMax', [exact], { axis: -1, keepdims: 1 });
  const token = flatten(graph, graph.op('GatherElements', [tokens, best], { axis: 1 }));
  graph.output('next_token', graph.op('Cast', [token], { to: elementType.i32 }), 'i32', [1]);

  const bestLogit = graph.op('ReduceMax', [exact], { axes: [-1], keepdims: 0 });
  const merged = graph.op('ScatterElements', [screened, tokens, exact], { axis: 1 });
  const sum = graph.op('ReduceLogSumExp', [merged], { axes: [-1], keepdims: 0 });
  graph.output('logprob', graph.op('Sub', [bestLogit, sum]), 'f32', [1]);
  const last = graph.op('ReduceMin', [values], { axes: [-1], keepdims: 0 });
  graph.output('margin', graph.op('Sub', [bestLogit, last]), 'f32', [1]);
  return graph.serialize();
}

/** hidden [1, state] -> approximate logits [1, nVocab], from 8-bit weights and activations. */
function screenedLogits(
  graph: GraphBuilder,
  layout: WeightLayout,
  { nTextState, nVocab }: ModelDimensions,
  hidden: Value,
): Value {
  const inputs = [hidden, weight(graph, layout, screenNames.values), weight(graph, layout, screenNames.scales)];
  return graph.op('MatMulNBits', inputs, {
    K: nTextState,
    N: nVocab,
    bits: 8,
    block_size: blockSize(nTextState),
    // 4: activations in 8 bits too, which makes it a product of integers.
    accuracy_level: 4,
  });
}

function flatten(graph: GraphBuilder, x: Value): Value {
  return graph.op('Reshape', [x, graph.constant('i64', [1], [-1])]);
}
