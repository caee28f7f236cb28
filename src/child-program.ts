import { constants } from 'node:fs';
import { access, stat } from 'node:fs/promises';
import { delimiter, isAbsolute, join, resolve } from 'node:path';

// The folder that recordings lie in may be somebody else's, and so may every file in it. What is started here must not
// find its program, its libraries or its modules there: it is looked for elsewhere and works in a folder of its own.

type Environment = Readonly<Record<string, string | undefined>>;

/** Lists of folders in which systems and Python look for code. An empty entry stands for the current folder. */
const searchPaths = /^(PATH|LD_LIBRARY_PATH|DYLD_(FALLBACK_)?LIBRARY_PATH|PYTHONPATH)$/i;

/** What programs need to run at all: where they, their libraries and the user's folders are, and which language to speak. */
const common =
  /^(PATH|PATHEXT|LD_LIBRARY_PATH|DYLD_(FALLBACK_)?LIBRARY_PATH|HOME|USER|USERNAME|USERPROFILE|LOGNAME|APPDATA|LOCALAPPDATA|SYSTEMROOT|WINDIR|TMPDIR|TMP|TEMP|LANG|LANGUAGE|LC_\w+|TZ)$/i;

/** What makes interpreters run files of somebody's choice before the program that was asked for. */
const startupFiles =
  /^(BASH_ENV|ENV|BASH_FUNC_.*|NODE_OPTIONS|NODE_PATH|PYTHONSTARTUP|PYTHONHOME|PYTHONBREAKPOINT|PERL5.*|RUBY.*)$/i;

/**
 * Finds a program.
 *
 * @param program a path; or a name, which is looked for in the absolute folders of `PATH` and never in the current one
 * @returns its absolute path
 */
export async function findProgram(program: string, env: Environment): Promise<string | undefined> {
  if (/[/\\]/.test(program)) return resolve(program);
  const path = Object.entries(env).find(([name]) => name.toUpperCase() === 'PATH')?.[1] ?? '';
  for (const folder of path.split(delimiter).filter(isAbsolute)) {
    const found = join(folder, process.platform === 'win32' ? `${program}.exe` : program);
    if (await isExecutable(found)) return found;
  }
  return undefined;
}

/** Where CANN says it is installed. */
export function toolkitFolders(env: Environment): string[] {
  const folders = [env['ASCEND_HOME_PATH'], env['ASCEND_TOOLKIT_HOME']];
  return folders.filter((folder) => folder !== undefined && isAbsolute(folder)) as string[];
}

/** Whether a path leads to a file that may be executed. */
export async function isExecutable(path: string): Promise<boolean> {
  try {
    await access(path, constants.X_OK);
    return (await stat(path)).isFile();
  } catch {
    return false; // absent or not executable: another may do
  }
}

/**
 * The environment for a program that needs little of it.
 *
 * @param more names of variables it needs besides those that every program does
 */
export function smallEnvironment(env: Environment, more = /^$/): Record<string, string> {
  return environment(env, (name) => common.test(name) || more.test(name));
}

/** The environment for a program that may need all of it, without what would load code that nobody here asked for. */
export function wholeEnvironment(env: Environment): Record<string, string> {
  return environment(env, (name) => !startupFiles.test(name));
}

function environment(env: Environment, isTaken: (name: string) => boolean): Record<string, string> {
  const taken: Record<string, string> = {};
  for (const [name, value] of Object.entries(env)) {
    if (value === undefined || !isTaken(name)) continue;
    taken[name] = searchPaths.test(name) ? value.split(delimiter).filter(isAbsolute).join(delimiter) : value;
    if (taken[name] === '') delete taken[name]; // an empty list would stand for the current folder again
  }
  return taken;
}

/** A command line for a POSIX shell, in which every word stands for itself whatever characters it has. */
export function shellCommand(...words: readonly string[]): string {
  return words.map((word) => (/^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`)).join(' ');
}
