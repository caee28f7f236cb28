import type { ModelDimensions } from '../model/dimensions.ts';
import { cpuOpset } from './cpu-layers.ts';
import type { BasicLayers } from './layers.ts';
import { createGraph, elementType, type Value } from './onnx.ts';
import { blockSize, screenNames } from './screen.ts';
import { embedding, type WeightLayout, weight } from './weights.ts';

/**
 * The output projection for ONNX Runtime: `hidden` f32 [batch, nTextState] -> `logits` f32 [batch, nVocab].
 */
export function logitsGraph({ nTextState, nVocab }: ModelDimensions, layout: WeightLayout): Uint8Array {
  const graph = createGraph('whisper_logits', cpuOpset);
  const hidden = graph.input('hidden', 'f32', ['batch', nTextState]);
  const logits = graph.op('Gemm', [hidden, weight(graph, layout, embedding)], { transB: 1 });
  graph.output('logits', logits, 'f32', ['batch', nVocab]);
  return graph.serialize();
}

/** How many tokens the screen lets through. */
const candidates = 128;

/**
 * Adds the likeliest allowed token to a decoder's graph without reading the whole f32 embedding, which is half of what a
 * step reads: a copy of it in 8 bits screens the vocabulary, the best 128 tokens are computed anew in f32, and the best
 * of those is the answer.
 *
 * Input `suppress` f32 [nVocab], 0 or -Infinity, added to the logits.
 * Outputs: `next_token` i32 [batch]; `logprob` f32 [batch], its log-probability (the far tail of the vocabulary enters
 * the sum with its screened values); `margin` f32 [batch], by how much the answer's f32 logit exceeds the screened logit
 * of the last token let through: where the screen errs by less than that, no token it stopped could be the answer.
 *
 * @param hidden f32 [batch, nTextState]
 */
export function addScreenedChoice(layers: BasicLayers, { nTextState, nVocab }: ModelDimensions, hidden: Value): void {
  const { graph, reshape, weight } = layers;
  const suppress = graph.input('suppress', 'f32', [nVocab]);
  const logits = graph.op('MatMulNBits', [hidden, weight(screenNames.values), weight(screenNames.scales)], {
    K: nTextState,
    N: nVocab,
    bits: 8,
    block_size: blockSize(nTextState),
    // 4: activations in 8 bits too, which makes it a product of integers.
    accuracy_level: 4,
  });
  const screened = graph.op('Add', [logits, suppress]);
  const count = graph.constant('i64', [1], [Math.min(candidates, nVocab)]);
  const [values, tokens] = graph.ops('TopK', [screened, count], 2, { axis: -1 });
  if (values === undefined || tokens === undefined) throw new Error('TopK has two results');
  const rows = graph.op('Gather', [weight(embedding), tokens], { axis: 0 });
  const column = graph.op('Unsqueeze', [hidden, graph.constant('i64', [1], [2])]);
  const exact = graph.op('Add', [
    graph.op('Squeeze', [graph.op('MatMul', [rows, column]), graph.constant('i64', [1], [2])]),
    graph.op('Gather', [suppress, tokens], { axis: 0 }),
  ]);
  const best = graph.op('ArgMax', [exact], { axis: -1, keepdims: 1 });
  const token = reshape(graph.op('GatherElements', [tokens, best], { axis: 1 }), [-1]);
  graph.output('next_token', graph.op('Cast', [token], { to: elementType.i32 }), 'i32', ['batch']);

  const bestLogit = graph.op('ReduceMax', [exact], { axes: [-1], keepdims: 0 });
  // The largest logit is known, so the log-softmax of it is -log(sum(exp(x - largest))): faster than ReduceLogSumExp.
  const merged = graph.op('ScatterElements', [screened, tokens, exact], { axis: 1 });
  const shifted = graph.op('Sub', [merged, reshape(bestLogit, [-1, 1])]);
  const sum = graph.op('ReduceSum', [graph.op('Exp', [shifted]), graph.constant('i64', [1], [-1])], { keepdims: 0 });
  graph.output('logprob', graph.op('Neg', [graph.op('Log', [sum])]), 'f32', ['batch']);
  const last = graph.op('ReduceMin', [values], { axes: [-1], keepdims: 0 });
  graph.output('margin', graph.op('Sub', [bestLogit, last]), 'f32', ['batch']);
}
