import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chownSync, existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

async function freePort() {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address();
  server.close();
  return port;
}

function started(child, stream, text, folder) {
  return new Promise((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (code) => reject(new Error(`${child.spawnfile} ended with ${code}`)));
    stream.on('data', (said) => {
      if (!said.includes(text)) return;
      child.removeAllListeners('close');
      resolve(async () => {
        child.kill('SIGKILL');
        await once(child, 'close');
        rmSync(folder, { recursive: true, force: true });
      });
    });
  });
}

/** A redis-server on a free port of this machine that has everything on its disk before it answers. */
export async function startRedis() {
  const folder = mkdtempSync(join(tmpdir(), 'whisper-npu-redis-'));
  const port = await freePort();
  const flags = ['--port', String(port), '--bind', '127.0.0.1', '--dir', folder, '--save', '', '--appendonly', 'yes'];
  const durable = ['--appendfsync', 'always', '--maxmemory-policy', 'noeviction'];
  const child = spawn('redis-server', [...flags, ...durable], { stdio: ['ignore', 'pipe', 'inherit'] });
  const stop = await started(child, child.stdout, 'Ready to accept connections', folder);
  return { address: `redis://127.0.0.1:${port}`, folder, stop };
}

/** A PostgreSQL of Debian's on a free port of this machine, as it is configured if nothing is said. */
export async function startPostgres() {
  const versions = '/usr/lib/postgresql';
  const programs = readdirSync(versions).map((version) => join(versions, version, 'bin'));
  const bin = programs.find((folder) => existsSync(join(folder, 'initdb')));
  const folder = mkdtempSync(join(tmpdir(), 'whisper-npu-postgres-'));
  const port = await freePort();
  const idOf = (flag) => Number(execFileSync('id', [flag, 'postgres'], { encoding: 'utf8' }));
  // It does not run as root.
  const user = process.getuid() === 0 ? { uid: idOf('-u'), gid: idOf('-g') } : {};
  if (user.uid !== undefined) chownSync(folder, user.uid, user.gid);
  const data = join(folder, 'data');
  execFileSync(join(bin, 'initdb'), ['-D', data, '-A', 'trust', '-U', 'jobs', '-E', 'UTF8'], {
    ...user,
    stdio: 'ignore',
  });
  const flags = ['-D', data, '-p', String(port), '-h', '127.0.0.1', '-c', 'unix_socket_directories='];
  const child = spawn(join(bin, 'postgres'), flags, { stdio: ['ignore', 'ignore', 'pipe'], ...user });
  const stop = await started(child, child.stderr, 'ready to accept connections', folder);
  return { address: `postgres://jobs@127.0.0.1:${port}/postgres`, folder, stop };
}
