import { createHash, randomBytes } from 'node:crypto';
import { readFileSync, readlinkSync } from 'node:fs';
import { hostname } from 'node:os';

// Files and folders that belong to a process carry its token in their name, <host>~<pid>~<start>~<machine>~<random>, so
// that whoever finds them later can tell whether their owner still lives. A process id is given again when its owner has
// ended, so the moment at which the process started is part of the token, in the kernel's ticks since it was booted: no
// clock that somebody may set takes part. Processes see each other by their ids only on one booted kernel and in one
// namespace of ids (containers have their own), which `machine` stands for.

/** What became of the process that a token names; unknown on another machine, in another container. */
export type Fate = 'running' | 'ended' | 'unknown';

const host = hostname()
  .replace(/[^\w.-]/g, '_')
  .slice(0, 64);

/** `machine` and `start` are missing in the tokens of versions up to 0.1. */
const tokenPattern = /^(?<host>[\w.%-]+)~(?<pid>\d{1,10})(?:~(?<start>\d*)~(?<machine>[0-9a-f]{12}))?~[0-9a-f]{12}$/;

/** A token of this process, another one at every call. */
export function processToken(): string {
  return [host, process.pid, startOf(process.pid)?.ticks ?? '', machine, randomBytes(6).toString('hex')].join('~');
}

/** Whether a text is a token; what people or other programs put among ours is none. */
export function isToken(text: string): boolean {
  return tokenPattern.test(text);
}

export function fateOf(token: string): Fate {
  const parts = tokenPattern.exec(token)?.groups;
  if (parts === undefined) return 'unknown';
  if (parts['machine'] === undefined ? parts['host'] !== host : parts['machine'] !== machine) return 'unknown';
  const pid = Number(parts['pid']);
  if (!isRunning(pid)) return 'ended';
  const start = startOf(pid);
  // Where the system does not tell, the process counts as the one that is meant.
  if (start === undefined || !parts['start']) return 'running';
  return start.ticks === parts['start'] ? 'running' : 'ended';
}

/** For people. */
export function describeToken(token: string): string {
  const parts = tokenPattern.exec(token)?.groups;
  return `process ${parts?.['pid'] ?? '?'} on ${parts?.['host'] ?? '?'}`;
}

/** Whether there is such a process on this machine that has not ended. */
export function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
  // A process that has ended keeps its id until its parent looks after it, which in a container may be never.
  return startOf(pid)?.state !== 'Z';
}

/** When a process started, from proc_pid_stat(5): fields 3 (state) and 22 (starttime); undefined where that is not to be had. */
function startOf(pid: number): { readonly state: string; readonly ticks: string } | undefined {
  const stat = textOf(() => readFileSync(`/proc/${pid}/stat`, 'latin1'));
  // The program's name in field 2 may hold spaces and brackets.
  const fields = stat?.slice(stat.lastIndexOf(')') + 2).split(' ');
  const [state, ticks] = [fields?.[0], fields?.[19]];
  return state === undefined || ticks === undefined ? undefined : { state, ticks };
}

const machine = createHash('sha256')
  .update(
    [
      textOf(() => readFileSync('/proc/sys/kernel/random/boot_id', 'latin1')) ?? host,
      textOf(() => readlinkSync('/proc/self/ns/pid')) ?? '',
      textOf(() => readlinkSync('/proc/self/ns/time')) ?? '',
    ].join('\n'),
  )
  .digest('hex')
  .slice(0, 12);

/** What the system says of itself, where it does: not every system has /proc, and not all of it may be read. */
function textOf(read: () => string): string | undefined {
  try {
    return read();
  } catch {
    return undefined;
  }
}
