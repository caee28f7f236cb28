/**
 * Paths shortened to what tells them apart: each to as many of its last parts as no other path ends with, at least one.
 *
 * @param paths with `/` or `\` between their parts; paths that are equal stay equal
 */
export function shortNames(paths: readonly string[]): string[] {
  const endings = new Map(paths.map((path) => [path, endingsOf(path)]));
  /** How many paths each ending is of. */
  const holders = new Map<string, number>();
  for (const ending of [...endings.values()].flat()) holders.set(ending, (holders.get(ending) ?? 0) + 1);
  return paths.map(
    (path) =>
      endings
        .get(path)
        ?.slice(0, -1)
        .find((ending) => holders.get(ending) === 1) ?? path,
  );
}

/** A path's last part, its last two, and so on to all of them. */
function endingsOf(path: string): string[] {
  const parts = path.split(/[/\\]/).filter((part) => part !== '');
  return parts.map((_, i) => parts.slice(parts.length - 1 - i).join('/'));
}
