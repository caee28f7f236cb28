/**
 * The name that was probably meant: a known one with at most a third of its letters wrong, or with other case, hyphens or
 * underscores.
 *
 * @param known names, and what each of them is also called
 */
export function nearestName(wrong: string, known: ReadonlyMap<string, readonly string[]>): string | undefined {
  let best: { name: string; distance: number } | undefined;
  for (const [name, others] of known) {
    for (const candidate of [name, ...others].map(letters)) {
      const distance = editDistance(letters(wrong), candidate);
      if (distance <= candidate.length / 3 && distance < (best?.distance ?? Number.POSITIVE_INFINITY))
        best = { name, distance };
    }
  }
  return best?.name;
}

function letters(name: string): string {
  return name.toLowerCase().replace(/[-_]/g, '');
}

/** Insertions, deletions and substitutions of letters. */
function editDistance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      const substituted = (row[j - 1] as number) + (a[i - 1] === b[j - 1] ? 0 : 1);
      next.push(Math.min(substituted, (row[j] as number) + 1, (next[j - 1] as number) + 1));
    }
    row = next;
  }
  return row[b.length] as number;
}
