import type { GraphBuilder, Value } from './onnx.ts';
import { quantisedNames } from './quantise.ts';
import { type WeightLayout, weight } from './weights.ts';

/**
 * Products with weights that the layout holds in 8 bits (quantise.ts), for ONNX Runtime on a CPU.
 *
 * @returns x f32 [rows, inputs] times the weight of that name, f32 [rows, outputs]
 */
export function int8Products(graph: GraphBuilder, layout: WeightLayout): (x: Value, weightName: string) => Value {
  const quantised = new Map<string, ByRow>();
  return (x, weightName) => {
    if (layout.tensors.has(quantisedNames(weightName, 'blocks').values))
      return blockProduct(graph, layout, x, weightName);
    const { values, scales } = quantisedNames(weightName, 'columns');
    // Queries, keys and values are made from the same activations.
    const byRow = quantised.get(x.name) ?? quantiseRows(graph, x);
    quantised.set(x.name, byRow);
    const one = graph.constant('f32', [], [1]);
    const operands = [byRow.values, weight(graph, layout, values), one, weight(graph, layout, scales), byRow.zero];
    return graph.op('Mul', [graph.op('MatMulIntegerToFloat', operands), byRow.scales]);
  };
}

/** x f32 [rows, inputs] times a weight in blocks, f32 [rows, outputs]. */
function blockProduct(graph: GraphBuilder, layout: WeightLayout, x: Value, weightName: string): Value {
  const names = quantisedNames(weightName, 'blocks');
  const [outputs = 0, blocks = 0, size = 0] = layout.tensors.get(names.values)?.shape ?? [];
  return graph.op('MatMulNBits', [x, weight(graph, layout, names.values), weight(graph, layout, names.scales)], {
    K: blocks * size,
    N: outputs,
    bits: 8,
    block_size: size,
    // 4: activations in 8 bits too, which makes it a product of integers.
    accuracy_level: 4,
  });
}

/** Activations in 8 bits. */
interface ByRow {
  /** u8 [rows, inputs] */
  readonly values: Value;
  /** f32 [rows, 1] */
  readonly scales: Value;
  /** The value that stands for 0. */
  readonly zero: Value;
}

/**
 * A scale for each row, so that its largest magnitude becomes 127, and 128 for 0. One scale for all rows would be faster
 * by a little and lose what the quiet ones say: a few rows of Whisper's encoder are far louder than the others.
 */
function quantiseRows(graph: GraphBuilder, x: Value): ByRow {
  const scalar = (value: number) => graph.constant('f32', [], [value]);
  const extreme = (type: 'ReduceMax' | 'ReduceMin') => graph.op(type, [x], { axes: [-1], keepdims: 1 });
  const largest = graph.op('Max', [extreme('ReduceMax'), graph.op('Neg', [extreme('ReduceMin')])]);
  // A row of zeros has a scale too.
  const scales = graph.op('Add', [graph.op('Mul', [largest, scalar(1 / 127)]), scalar(1e-12)]);
  const zero = graph.constant('u8', [], [128]);
  const values = graph.op('QuantizeLinear', [graph.op('Div', [x, scales]), scalar(1), zero]);
  return { values, scales, zero };
}
