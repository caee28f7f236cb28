/** Views [groups, rows, nVocab] as rows by group. */
export function rowsOf(logits: Float32Array, nVocab: number, groups: number): Float32Array[][] {
  const perGroup = logits.length / nVocab / groups;
  return Array.from({ length: groups }, (_, group) =>
    Array.from({ length: perGroup }, (_, row) => {
      const start = (group * perGroup + row) * nVocab;
      return logits.subarray(start, start + nVocab);
    }),
  );
}
