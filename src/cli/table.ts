/**
 * Rows in aligned columns under a header, two spaces apart.
 *
 * @param numbers columns that are aligned at their right
 */
export function table(
  header: readonly string[],
  rows: readonly (readonly string[])[],
  numbers: readonly number[] = [],
): string {
  const all = [header, ...rows];
  const widths = header.map((_, column) => Math.max(...all.map((row) => row[column]?.length ?? 0)));
  const pad = (cell: string, i: number) =>
    numbers.includes(i) ? cell.padStart(widths[i] ?? 0) : cell.padEnd(widths[i] ?? 0);
  const line = (row: readonly string[]) => row.map(pad).join('  ').trimEnd();
  return `${all.map(line).join('\n')}\n`;
}
