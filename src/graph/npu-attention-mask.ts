import { entriesPerWord, visibleWords } from '../model/visible-entries.ts';
import type { NpuLayers } from './npu-layers.ts';
import type { Value } from './onnx.ts';

/** Added to an attention score, it makes the weight exactly 0; float16 holds it, whose largest number is 65504. */
const maskedScore = -60_000;

/**
 * Expands an attention mask of bits to numbers that are added to scores: 0 where the bit is set. As numbers the mask would be most of
 * what is uploaded for a step; as bits it is a sixteenth of that or less.
 *
 * @param visible i32 [rows, visibleWords(columns)], a bit per column
 * @returns [rows, columns], in the graph's type
 */
export function attentionMask(
  { graph, dtype, reshape, split }: NpuLayers,
  visible: Value,
  { rows, columns }: { readonly rows: number; readonly columns: number },
): Value {
  const size = 2 ** entriesPerWord;
  const bits = Array.from({ length: size * entriesPerWord }, (_, i) => {
    const word = Math.floor(i / entriesPerWord);
    return (word >> (i % entriesPerWord)) & 1 ? 0 : maskedScore;
  });
  const table = graph.constant(dtype, [size, entriesPerWord], bits);
  const all = visibleWords(columns) * entriesPerWord;
  const mask = reshape(graph.op('Gather', [table, visible], { axis: 0 }), [rows, all]);
  return all === columns ? mask : split(mask, 1, all, [columns, all - columns])[0];
}
