import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** Whether there is a redis-server on this machine; under CI there must be. */
export const hasRedis = process.env['CI'] !== undefined || spawnSync('redis-server', ['--version']).status === 0;

/** A server that jobs can lie in. */
export interface JobServer {
  readonly address: string;
  /** Ends it without a word, and starts it again with what it has on its disk. */
  restart(): Promise<void>;
  stop(): Promise<void>;
}

/** Starts a server on a free port of this machine, which writes everything to its disk before it answers. */
export async function startRedis(): Promise<JobServer> {
  const folder = mkdtempSync(join(tmpdir(), 'whisper-npu-redis-'));
  const port = await freePort();
  const start = async (): Promise<ChildProcess> => {
    const flags = ['--port', String(port), '--bind', '127.0.0.1', '--dir', folder, '--save', ''];
    const durable = ['--appendonly', 'yes', '--appendfsync', 'always', '--maxmemory-policy', 'noeviction'];
    const child = spawn('redis-server', [...flags, ...durable], { stdio: ['ignore', 'pipe', 'inherit'] });
    await new Promise<void>((resolve, reject) => {
      child.on('error', reject);
      child.on('close', (code) => reject(new Error(`redis-server ended with ${code}`)));
      child.stdout.on('data', (text: Buffer) => {
        if (text.includes('Ready to accept connections')) resolve();
      });
    });
    return child;
  };
  let child = await start();
  const kill = async () => {
    const closed = once(child, 'close');
    child.kill('SIGKILL');
    await closed;
  };
  return {
    address: `redis://127.0.0.1:${port}`,
    async restart() {
      await kill();
      child = await start();
    },
    async stop() {
      await kill();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** A port of this machine that nobody has now. */
export async function freePort(): Promise<number> {
  const server = createServer();
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as { port: number };
  server.close();
  await once(server, 'close');
  return port;
}
