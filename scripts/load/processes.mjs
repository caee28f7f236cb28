import { readdirSync, readFileSync } from 'node:fs';

/** Of a clock of Linux. */
const ticksPerSecond = 100;

/** What stands behind the name in /proc/PID/stat: state, parent and so on; undefined for a process that has gone. */
function statOf(pid) {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, 'utf8');
    return text.slice(text.lastIndexOf(')') + 2).split(' ');
  } catch {
    return undefined;
  }
}

/** Processes that another one has started and that still run. */
export function childrenOf(parent) {
  const pids = readdirSync('/proc').filter((name) => /^\d+$/.test(name) && statOf(name)?.[1] === String(parent));
  return pids.map((pid) => ({ pid: Number(pid), command: readFileSync(`/proc/${pid}/cmdline`, 'utf8') }));
}

/** Seconds of the processor that a process has had, with those that it has started and that still run. */
export function cpuSecondsOf(pid) {
  const pids = [pid, ...childrenOf(pid).map((child) => child.pid)];
  const ticks = pids.flatMap((each) => statOf(each)?.slice(11, 13) ?? []).reduce((sum, text) => sum + Number(text), 0);
  return ticks / ticksPerSecond;
}

export function memoryMbOf(pid) {
  return Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))[1]) / 1000;
}
