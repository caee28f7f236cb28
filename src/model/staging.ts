import { readdir, rename, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { fateOf, processToken } from './process-token.ts';

// Whatever the store is to hold is made under a name of its own beside the place where it goes:
// <target>~<token of the process>.unfinished. So two processes never write to the same file, even where one of them lost
// its lock while it was suspended. The rename to the target's name is the only moment at which anything comes to be.

const suffix = '.unfinished';
/** The owner begins as all tokens do, with a host and a process id. */
const unfinishedName = /^(?<target>.+?)(?:~(?<owner>[^~/]+~\d+~[^/]+))?\.unfinished$/;
/** A token whose parts are joined by the one sign that only its first part may hold. */
const plainName = /^(?<owner>[\w.-]+_\d{1,10}_\d*_[0-9a-f]{12}_[0-9a-f]{12})\.unfinished$/;

/** How long what a process on another machine left may lie without a change until it is taken for dead. */
const foreignSilenceMs = 24 * 3_600_000;

/** A name for what is going to be `target`, used by nobody else. */
export function stagingPath(target: string): string {
  return `${target}~${processToken()}${suffix}`;
}

/**
 * A name in a folder for what comes to be nothing itself but is taken apart at the end, of letters, digits and `._-` alone:
 * some programs take no other paths.
 */
export function plainStagingPath(parent: string): string {
  return join(parent, `${processToken().replaceAll('~', '_')}${suffix}`);
}

/** A name for what its maker gave up half way: whoever wants to go on with it may take it. */
export function givenUpPath(target: string): string {
  return `${target}${suffix}`;
}

/** What an unfinished thing of this name is to become; undefined for the name of something finished. */
export function targetOf(name: string): string | undefined {
  return parse(name)?.target;
}

export function isUnfinished(name: string): boolean {
  return targetOf(name) !== undefined;
}

/** Whether a process of this machine is at work on what has this name. */
export function isBeingMade(name: string): boolean {
  const owner = parse(name)?.owner;
  return owner !== undefined && fateOf(owner) === 'running';
}

/** @returns undefined for the name of something finished */
function parse(name: string): { readonly target: string; readonly owner: string | undefined } | undefined {
  const plain = plainName.exec(name)?.groups?.['owner'];
  if (plain !== undefined)
    return { target: name, owner: plain.replace(/_(\d+)_(\d*)_([^_]+)_([^_]+)$/, '~$1~$2~$3~$4') };
  const { target, owner } = unfinishedName.exec(name)?.groups ?? {};
  return target === undefined ? undefined : { target, owner };
}

/** Something that was left unfinished. */
export interface Leftover {
  readonly path: string;
  /** What it was to become. */
  readonly target: string;
  /** Whether its maker has ended; else that is on another machine, and may live. */
  readonly isDead: boolean;
}

/**
 * Finds what was left unfinished in a folder. What a running process of this machine is at work on is not among it.
 *
 * @param now path of something that was made a moment ago: its date tells the time on the disk's own clock
 */
export async function findLeftovers(parent: string, now: string): Promise<Leftover[]> {
  const nowMs = await changedAtMs(now);
  const leftovers: Leftover[] = [];
  for (const name of await readdir(parent)) {
    const parts = parse(name);
    if (parts === undefined) continue;
    const path = join(parent, name);
    const fate = parts.owner === undefined ? 'ended' : fateOf(parts.owner);
    if (fate === 'running') continue;
    const isDead = fate === 'ended' || nowMs - (await changedAtMs(path)) > foreignSilenceMs;
    leftovers.push({ path, target: join(parent, parts.target), isDead });
  }
  return leftovers;
}

/** When anything below a path was changed last, by the clock of the disk; dates that programs can set do not count. */
async function changedAtMs(path: string): Promise<number> {
  const names = await readdir(path, { recursive: true }).catch(() => []); // a file, or gone
  const dates = ['', ...names].map(async (name) => (await stat(join(path, name)).catch(() => undefined))?.ctimeMs ?? 0);
  return Math.max(...(await Promise.all(dates)));
}

/**
 * Gives a finished folder its name. A good one that has this name stays: another process was faster. Any other is moved
 * aside and removed; if somebody put it right just then, it is moved back.
 *
 * @param isGood whether a folder is all that is wanted
 * @returns whether it was this folder that got the name
 */
export async function publish(
  staging: string,
  target: string,
  isGood: (directory: string) => Promise<boolean>,
): Promise<boolean> {
  for (;;) {
    if (await renameUnlessOccupied(staging, target)) return true;
    if (await isGood(target)) return false;
    const aside = stagingPath(target);
    if (!(await renameIfThere(target, aside))) continue;
    if ((await isGood(aside)) && (await renameUnlessOccupied(aside, target))) return false;
    // Before what was there is removed: killed in between, the next process finds it and uses it again.
    const isPublished = await renameUnlessOccupied(staging, target);
    await rm(aside, { recursive: true, force: true });
    if (isPublished) return true;
  }
}

/** What the system says when a folder cannot get a name because something has it. */
const occupied = new Set(['ENOTEMPTY', 'EEXIST', 'ENOTDIR']);

/** @returns whether it could be done: a folder with something in it, or a file, is not replaced */
export async function renameUnlessOccupied(from: string, to: string): Promise<boolean> {
  try {
    await rename(from, to);
    return true;
  } catch (error) {
    if (!occupied.has((error as NodeJS.ErrnoException).code ?? '')) throw error;
    return false;
  }
}

/** @returns whether there was something to rename; of two processes that want the same, one gets it */
export async function renameIfThere(from: string, to: string): Promise<boolean> {
  try {
    await rename(from, to);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    return false;
  }
}
