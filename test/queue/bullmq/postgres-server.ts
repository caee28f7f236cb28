import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chownSync, existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { freePort, type JobServer } from './redis-server.ts';

const versions = '/usr/lib/postgresql';
const programs = existsSync(versions) ? readdirSync(versions).map((version) => join(versions, version, 'bin')) : [];

/** Whether there is a PostgreSQL on this machine; under CI there must be. */
export const hasPostgres =
  process.env['CI'] !== undefined || programs.some((folder) => existsSync(join(folder, 'initdb')));

/** It does not run as root. */
function ownUser(): { readonly uid?: number; readonly gid?: number } {
  if (process.getuid?.() !== 0) return {};
  const id = (flag: string) => Number(execFileSync('id', [flag, 'postgres'], { encoding: 'utf8' }));
  return { uid: id('-u'), gid: id('-g') };
}

/** Starts a server on a free port of this machine. */
export async function startPostgres(): Promise<JobServer> {
  const [bin = ''] = programs;
  const folder = mkdtempSync(join(tmpdir(), 'whisper-npu-postgres-'));
  const port = await freePort();
  const user = ownUser();
  if (user.uid !== undefined && user.gid !== undefined) chownSync(folder, user.uid, user.gid);
  const data = join(folder, 'data');
  execFileSync(join(bin, 'initdb'), ['-D', data, '-A', 'trust', '-U', 'jobs', '-E', 'UTF8', '--no-sync'], user);
  const start = async (): Promise<ChildProcess> => {
    const flags = ['-D', data, '-p', String(port), '-h', '127.0.0.1', '-c', 'unix_socket_directories='];
    const child = spawn(join(bin, 'postgres'), flags, { stdio: ['ignore', 'ignore', 'pipe'], ...user });
    await new Promise<void>((resolve, reject) => {
      child.on('error', reject);
      child.on('close', (code) => reject(new Error(`postgres ended with ${code}`)));
      child.stderr.on('data', (text: Buffer) => {
        if (text.includes('ready to accept connections')) resolve();
      });
    });
    return child;
  };
  let child = await start();
  const end = async (signal: NodeJS.Signals) => {
    const closed = once(child, 'close');
    child.kill(signal);
    await closed;
  };
  return {
    address: `postgres://jobs@127.0.0.1:${port}/postgres`,
    async restart() {
      await end('SIGQUIT'); // its "immediate shutdown": what is not in the log on the disk is lost
      child = await start();
    },
    async stop() {
      await end('SIGQUIT');
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
