import { readdir, realpath, stat } from 'node:fs/promises';
import { basename, isAbsolute, join, parse, relative, resolve } from 'node:path';
import { isUrl } from '../../../audio/byte-source.ts';
import { AudioError, UsageError } from '../../../errors.ts';
import { isFolder } from '../../../model/make-folder.ts';
import { expandGlob, isGlob } from './glob.ts';
import { countPassedOver, type PassedOver } from './passed-over.ts';

/** A recording to transcribe. */
export interface Input {
  /** What opens it; '-' is stdin. */
  readonly path: string;
  /** Where its outputs lie below the output folder, with the recording's own name at the end. */
  readonly relativePath: string;
  /** Why there is nothing to open. */
  readonly failure?: AudioError;
}

/**
 * Turns what was named on the command line into recordings: files, folders with all recordings in them at any depth,
 * globs for shells that do not expand them. Outputs mirror what lies below a folder or below a glob's first wildcard. What is
 * not there comes back as it was named, so that opening it tells.
 *
 * @param note is told what was passed over in folders and globs
 * @returns in the order of the arguments, what one argument stands for sorted by name
 * @throws UsageError ('INPUT_IS_ROOT', 'GLOB_INVALID')
 */
export async function findInputs(
  args: readonly string[],
  note: (line: string) => void = () => undefined,
): Promise<Input[]> {
  const found: Input[][] = [];
  for (const arg of args) found.push(await expand(arg, note));
  return found.flat();
}

/** The same for the lines of a list. They are no globs, and outputs mirror paths as they are written. */
export async function findListed(
  paths: readonly string[],
  note: (line: string) => void = () => undefined,
): Promise<Input[]> {
  const found: Input[][] = [];
  for (const path of paths) {
    const relativePath = pathBelow(path);
    if (await isFolder(path)) found.push(await audioBelow(await belowRoot(path), relativePath, note));
    else found.push([{ path: path === '-' ? './-' : path, relativePath }]);
  }
  return found.flat();
}

async function expand(arg: string, note: (line: string) => void): Promise<Input[]> {
  if (arg === '-') return [{ path: '-', relativePath: 'stdin' }];
  const status = await stat(arg).catch(() => undefined);
  if (status?.isDirectory()) return audioBelow(await belowRoot(arg), '', note);
  if (status === undefined && isGlob(arg) && !isUrl(arg)) return expandPattern(arg, note);
  return [{ path: arg, relativePath: basename(arg) }];
}

async function expandPattern(pattern: string, note: (line: string) => void): Promise<Input[]> {
  const { base, paths } = await expandGlob(pattern);
  const passedOver = countPassedOver();
  const found = new Map<string, Input>(); // a folder and what is in it may both match
  for (const path of paths) {
    const relativePath = relative(base, path);
    if (await isFolder(path)) {
      for await (const input of walk(path, relativePath, { visited: new Set(), passedOver }))
        found.set(input.path, input);
    } else if (!pattern.endsWith('*') || (await passedOver.isRecording(path))) found.set(path, { path, relativePath });
  }
  return told(pattern, [...found.values()], passedOver, note) ?? [nothingIn(pattern, `nothing matches ${pattern}`)];
}

async function audioBelow(folder: string, relativePath: string, note: (line: string) => void): Promise<Input[]> {
  const passedOver = countPassedOver();
  const found: Input[] = [];
  for await (const input of walk(folder, relativePath, { visited: new Set(), passedOver })) found.push(input);
  return told(folder, found, passedOver, note) ?? [nothingIn(folder, `no audio file is in ${folder}`)];
}

/** @returns what was found; undefined where it is nothing, and nothing was passed over */
function told(
  name: string,
  found: readonly Input[],
  passedOver: PassedOver,
  note: (line: string) => void,
): Input[] | undefined {
  const text = passedOver.text();
  if (found.length === 0)
    return text === undefined ? undefined : [nothingIn(name, `no audio file is in ${name}: ${text}`)];
  if (text !== undefined) note(`${name}: ${text}`);
  return [...found];
}

/**
 * Nobody means all files of a machine: a list that was read wrongly does, or a variable of a script that is empty.
 *
 * @returns the folder itself
 * @throws UsageError ('INPUT_IS_ROOT')
 */
async function belowRoot(folder: string): Promise<string> {
  if (!isRoot(await realpath(folder))) return folder;
  throw new UsageError('INPUT_IS_ROOT', `${folder} is the root of the file system: that is no folder of recordings`, {
    hint: 'name the folders in it that are meant',
  });
}

function isRoot(realFolder: string): boolean {
  return parse(realFolder).root === realFolder;
}

interface Walk {
  /** Real paths of folders: links may lead back to where the walk has been. */
  readonly visited: Set<string>;
  readonly passedOver: PassedOver;
}

async function* walk(folder: string, relativePath: string, way: Walk): AsyncGenerator<Input> {
  const { visited, passedOver } = way;
  try {
    const real = await realpath(folder);
    if (visited.has(real) || isRoot(real)) return; // a link to the root leads out of what was named
    visited.add(real);
    const entries = await readdir(folder, { withFileTypes: true });
    for (const entry of entries.sort((a, b) => (a.name < b.name ? -1 : 1))) {
      if (entry.name.startsWith('.')) continue;
      const path = join(folder, entry.name);
      const below = join(relativePath, entry.name);
      const isUndecoded = entry.name.includes('\ufffd');
      const target = entry.isSymbolicLink() || isUndecoded ? await stat(path).catch(() => undefined) : entry;
      if (target === undefined && isUndecoded) yield { path, relativePath: below, failure: notUtf8(path) };
      else if (target?.isDirectory()) yield* walk(path, below, way);
      else if ((target === undefined || target.isFile()) && (await passedOver.isRecording(path)))
        yield { path, relativePath: below };
    }
  } catch (cause) {
    if (!(cause instanceof Error && 'syscall' in cause)) throw cause;
    const failure = new AudioError('AUDIO_FOLDER_UNREADABLE', `folder ${folder} cannot be read: ${cause.message}`, {
      cause,
    });
    yield { path: folder, relativePath, failure };
  }
}

function nothingIn(path: string, message: string): Input {
  const hint = 'check the path; a file that is passed over can be named itself';
  return { path, relativePath: path, failure: new AudioError('AUDIO_NONE_FOUND', message, { hint }) };
}

/** Node names such files in a way that cannot open them. */
function notUtf8(path: string): AudioError {
  return new AudioError('AUDIO_NAME_NOT_UTF8', `${path} cannot be opened: its name is not UTF-8`, {
    hint: 'rename it, for example with: convmv -r -f gbk -t utf8 --notest FOLDER',
  });
}

/** A path as tar stores it: relative to here, or from the root without its slash if it is not below. */
function pathBelow(path: string): string {
  const fromHere = relative('', path);
  const isBelow = !/^\.\.([/\\]|$)/.test(fromHere) && !isAbsolute(fromHere);
  return isBelow ? fromHere : resolve(path).replace(/^([A-Za-z]:)?[/\\]+/, '');
}
