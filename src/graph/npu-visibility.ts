import { rowsPerWord, visibleWords } from '../model/visible-rows.ts';
import type { NpuLayers } from './npu-layers.ts';
import type { Value } from './onnx.ts';

/** Added to a score, it takes the weight of a row to exactly 0, in float16 too, whose numbers end at 65504. */
const invisible = -60_000;

/**
 * What is added to scores so that rows see what they may: 0 for what is visible. As numbers it would be most of what comes up for
 * a step, as bits it is a sixteenth of that or less.
 *
 * @param visible i32 [rows, visibleWords(columns)], a bit per column
 * @returns [rows, columns], in the graph's type
 */
export function visibilityBias(
  { graph, dtype, reshape, split }: NpuLayers,
  visible: Value,
  { rows, columns }: { readonly rows: number; readonly columns: number },
): Value {
  const size = 2 ** rowsPerWord;
  const bits = Array.from({ length: size * rowsPerWord }, (_, i) => {
    const word = Math.floor(i / rowsPerWord);
    return (word >> (i % rowsPerWord)) & 1 ? 0 : invisible;
  });
  const table = graph.constant(dtype, [size, rowsPerWord], bits);
  const all = visibleWords(columns) * rowsPerWord;
  const bias = reshape(graph.op('Gather', [table, visible], { axis: 0 }), [rows, all]);
  return all === columns ? bias : split(bias, 1, all, [columns, all - columns])[0];
}
