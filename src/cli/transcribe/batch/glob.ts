import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { UsageError } from '../../../errors.ts';

/** What a glob matched. */
export interface GlobMatches {
  /** The folders before the first wildcard: what matches lies below. */
  readonly base: string;
  readonly paths: readonly string[];
}

/** Whether a path has wildcards in it. */
export function isGlob(path: string): boolean {
  return /[*?[{]/.test(path);
}

/**
 * Expands a glob as shells do: `*`, `?`, `[a-z]`, `[!a-z]`, `{a,b}`, and `**` for any depth of folders. Names that begin
 * with a dot match only where the pattern says the dot; `**` does not follow links.
 *
 * @returns files and folders, sorted, each once
 * @throws UsageError ('GLOB_INVALID')
 */
export async function expandGlob(pattern: string): Promise<GlobMatches> {
  const segments = pattern.split('/');
  const nFixed = segments.findIndex(isGlob);
  const base = segments.slice(0, nFixed).join('/') || (pattern.startsWith('/') ? '/' : '.');
  const found = await Promise.all(alternatives(segments.slice(nFixed).join('/')).map((rest) => matches(base, rest)));
  return { base, paths: [...new Set(found.flat())].sort() };
}

/** `a{b,c}d` is `abd` and `acd`; braces may lie in braces. */
function alternatives(pattern: string): string[] {
  const braces = /\{([^{}]*,[^{}]*)\}/.exec(pattern);
  if (braces === null) return [pattern];
  const [before, after] = [pattern.slice(0, braces.index), pattern.slice(braces.index + braces[0].length)];
  return (braces[1] ?? '').split(',').flatMap((choice) => alternatives(before + choice + after));
}

function matches(base: string, pattern: string): Promise<string[]> {
  return descend(
    base,
    pattern.split('/').filter((segment) => segment !== ''),
  );
}

/** Paths below `folder` that the segments match, one level each. */
async function descend(folder: string, [segment, ...rest]: readonly string[]): Promise<string[]> {
  if (segment === undefined) return [folder];
  if (segment === '**') {
    const folders = (await entries(folder)).filter((entry) => entry.isDirectory() && !entry.name.startsWith('.'));
    const deeper = await Promise.all(folders.map(({ name }) => descend(join(folder, name), [segment, ...rest])));
    return [...(await descend(folder, rest)), ...deeper.flat()];
  }
  if (!isGlob(segment)) {
    const path = join(folder, segment);
    return (await stat(path).catch(() => undefined)) === undefined ? [] : descend(path, rest);
  }
  const expression = segmentExpression(segment);
  const names = (await entries(folder)).map(({ name }) => name).filter((name) => expression.test(name));
  return (await Promise.all(names.map((name) => descend(join(folder, name), rest)))).flat();
}

/** What a folder holds; nothing if it is none or may not be read, as a shell has it. */
function entries(folder: string) {
  return readdir(folder, { withFileTypes: true }).catch(() => []);
}

function segmentExpression(segment: string): RegExp {
  const body = segment.replace(/\[(!?)([^\]]+)\]|[\s\S]/gu, (part, negation: string | undefined, set = '') => {
    if (part === '*') return '.*';
    if (part === '?') return '.';
    if (part.length > 1 && negation !== undefined)
      return `[${negation === '' ? '' : '^'}${set.replace(/[\\[\]^]/g, '\\$&')}]`;
    return part.replace(/[\\^$.*+?()[\]{}|/]/g, '\\$&');
  });
  try {
    return new RegExp(`^${segment.startsWith('.') ? '' : '(?!\\.)'}${body}$`, 'su');
  } catch (cause) {
    throw new UsageError('GLOB_INVALID', `${segment} is no pattern for file names`, { cause }); // [z-a]
  }
}
