import type { ModelDimensions } from '../model/dimensions.ts';
import { type CpuLayers, cpuOpset } from './cpu-layers.ts';
import { createGraph, elementType, type Value } from './onnx.ts';
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
/** Timestamps, at the end of every vocabulary of Whisper's. Their sum decides, so all of them are computed in f32. */
const timestamps = 1501;

/**
 * Adds the likeliest allowed token, and logits of which the highest are exact, to a decoder's graph without reading the
 * whole f32 embedding, which is half of what a step reads: a copy of it in 8 bits screens the vocabulary, and the best 128
 * tokens and all timestamps are computed anew in f32.
 *
 * Inputs: `suppress` f32 [nVocab], 0 or -Infinity, added to the logits; `chosen` i32 [k], the rows that are wanted.
 * Outputs: `logits` f32 [k, nVocab], with the screened values in the far tail; of the last row `next_token` i32 [1],
 * `logprob` f32 [1], its log-probability; `margin` f32 [k], by how much the highest f32 logit exceeds the screened logit
 * of the last token let through: where the screen errs by less than that, no token it stopped could be the highest.
 *
 * @param hidden f32 [n, nTextState]
 */
export function addScreenedChoice(layers: CpuLayers, { nVocab }: ModelDimensions, hidden: Value): void {
  const { graph, reshape, weight } = layers;
  const i64 = (...values: number[]) => graph.constant('i64', [values.length], values);
  const suppress = graph.input('suppress', 'f32', [nVocab]);
  const chosen = graph.op('Gather', [hidden, graph.input('chosen', 'i32', ['k'])], { axis: 0 });
  const screened = graph.op('Add', [screen(layers, nVocab, chosen), suppress]);
  const [values, tokens] = graph.ops('TopK', [screened, i64(Math.min(candidates, nVocab))], 2, { axis: -1 });
  if (values === undefined || tokens === undefined) throw new Error('TopK has two results');
  const rows = graph.op('Gather', [weight(embedding), tokens], { axis: 0 });
  const column = graph.op('Unsqueeze', [chosen, i64(2)]);
  const exact = graph.op('Add', [
    graph.op('Squeeze', [graph.op('MatMul', [rows, column]), i64(2)]),
    graph.op('Gather', [suppress, tokens], { axis: 0 }),
  ]);
  const logits = graph.op('ScatterElements', [screened, tokens, exact], { axis: 1 });
  graph.output('logits', logits, 'f32', ['k', nVocab]);
  const highest = graph.op('ReduceMax', [exact], { axes: [-1], keepdims: 0 });
  const last = graph.op('ReduceMin', [values], { axes: [-1], keepdims: 0 });
  graph.output('margin', graph.op('Sub', [highest, last]), 'f32', ['k']);

  const ofLast = (x: Value) => graph.op('Gather', [x, i64(-1)], { axis: 0 });
  const best = graph.op('ArgMax', [ofLast(exact)], { axis: -1, keepdims: 1 });
  const token = reshape(graph.op('GatherElements', [ofLast(tokens), best], { axis: 1 }), [-1]);
  graph.output('next_token', graph.op('Cast', [token], { to: elementType.i32 }), 'i32', [1]);
  // The largest logit is known, so the log-softmax of it is -log(sum(exp(x - largest))): faster than ReduceLogSumExp.
  const shifted = graph.op('Sub', [ofLast(logits), reshape(ofLast(highest), [-1, 1])]);
  const sum = graph.op('ReduceSum', [graph.op('Exp', [shifted]), i64(-1)], { keepdims: 0 });
  graph.output('logprob', graph.op('Neg', [graph.op('Log', [sum])]), 'f32', [1]);
}

/** Logits [k, nVocab] by the 8-bit copy, but those of timestamps. */
function screen({ graph, int8Product, weight }: CpuLayers, nVocab: number, hidden: Value): Value {
  const i64 = (value: number) => graph.constant('i64', [1], [value]);
  const from = nVocab - timestamps;
  const screened = int8Product(hidden, embedding);
  if (from <= 0) return screened;
  const rows = graph.op('Slice', [weight(embedding), i64(from), i64(nVocab), i64(0)]);
  const text = graph.op('Slice', [screened, i64(0), i64(from), i64(1)]);
  return graph.op('Concat', [text, graph.op('Gemm', [hidden, rows], { transB: 1 })], { axis: 1 });
}
