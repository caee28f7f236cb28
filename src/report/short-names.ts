/**
 * Paths shortened to what tells them apart: each to as many of its last parts as no other path ends with, at least one.
 *
 * @param paths with `/` or `\` between their parts; paths that are equal stay equal
 */
export function shortNames(paths: readonly string[]): string[] {
  const partsOf = (path: string) => path.split(/[/\\]/).filter((part) => part !== '');
  const ending = (path: string, count: number) => partsOf(path).slice(-count).join('/');
  return paths.map((path) => {
    const others = paths.filter((other) => other !== path);
    const length = partsOf(path).length;
    for (let count = 1; count < length; count++) {
      const name = ending(path, count);
      if (!others.some((other) => ending(other, count) === name)) return name;
    }
    return path;
  });
}
