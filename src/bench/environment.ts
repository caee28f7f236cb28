import { execFile } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { arch, availableParallelism, cpus, loadavg, platform, release, totalmem } from 'node:os';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { isDry, isStandIn, probeAcl } from '../backend/npu/acl-environment.ts';
import { notMeasured } from '../backend/stand-in-notice.ts';
import { findProgram, smallEnvironment } from '../child-program.ts';
import type { Environment } from './result.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));

/**
 * The machine and the programs that figures depend on.
 *
 * @param soc the chip that was measured; undefined for the CPU
 */
export async function describeEnvironment(
  env: Readonly<Record<string, string | undefined>>,
  soc: string | undefined,
): Promise<Environment> {
  return {
    CPU: cpus()[0]?.model.trim() || 'unknown',
    cores: coresText(),
    memory: memoryText(),
    // Read before the runs: what else the machine was doing.
    'load average': (loadavg()[0] ?? 0).toFixed(2),
    system: `${platform()} ${release()} ${arch()}`,
    Node: process.version,
    ...(soc === undefined ? {} : await describeNpu(env, soc)),
    'whisper-npu': `${packageVersion(`${root}/package.json`)}${await commitText()}`,
  };
}

function coresText(): string {
  const usable = availableParallelism();
  const all = cpus().length;
  return usable === all ? String(all) : `${usable} of ${all}`;
}

function memoryText(): string {
  const total = totalmem();
  const limit = process.constrainedMemory();
  const isLimited = limit > 0 && limit < total;
  return isLimited ? `${gigabytes(limit)} of ${gigabytes(total)}` : gigabytes(total);
}

function gigabytes(sizeBytes: number): string {
  return `${(sizeBytes / 1e9).toFixed(1)} GB`;
}

function packageVersion(path: string): string {
  return (JSON.parse(readFileSync(path, 'utf8')) as { version: string }).version;
}

async function describeNpu(env: Readonly<Record<string, string | undefined>>, soc: string): Promise<Environment> {
  const probe = await probeAcl(env);
  const cann = probe.cannVersion ?? 'unknown';
  if (isDry(probe)) return { CANN: `${cann}: a dry stand-in (${notMeasured})`, chip: `${soc} (${notMeasured})` };
  if (isStandIn(probe))
    return { CANN: `${cann}: a stand-in that computes on the CPU`, chip: `${soc}, played by the stand-in` };
  return { CANN: cann, driver: probe.driverVersion ?? 'unknown', chip: soc };
}

/** In a checkout its commit; an installed package has its version alone. */
async function commitText(): Promise<string> {
  if (!existsSync(`${root}/.git`)) return '';
  const program = await findProgram('git', process.env);
  if (program === undefined) return '';
  const git = async (...args: string[]) => {
    const { stdout } = await promisify(execFile)(program, args, { cwd: root, env: smallEnvironment(process.env) });
    return stdout.trim();
  };
  try {
    const changed = await git('status', '--porcelain', '--untracked-files=no');
    return `, commit ${await git('rev-parse', '--short=12', 'HEAD')}${changed === '' ? '' : ' with changes'}`;
  } catch {
    return ''; // not its owner: the version has to do
  }
}
