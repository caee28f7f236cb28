import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { freePort } from '../bullmq/redis-server.ts';
import type { S3Server } from './s3-server.ts';

/** The program of PyPI's moto[server]: another one that speaks like S3. */
const program = process.env['WHISPER_NPU_TEST_MOTO'];
export const hasMoto = program !== undefined;

/** Starts it with one bucket. */
export async function startMoto(bucket: string): Promise<Pick<S3Server, 'env' | 'stop'>> {
  const port = await freePort();
  const child = spawn(program ?? 'moto_server', ['-H', '127.0.0.1', '-p', String(port)], {
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  await new Promise<void>((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (code) => reject(new Error(`moto_server ended with ${code}`)));
    child.stderr.on('data', (text: Buffer) => {
      if (text.includes('Running on')) resolve();
    });
  });
  const address = `http://127.0.0.1:${port}`;
  const made = await fetch(`${address}/${bucket}`, { method: 'PUT' });
  if (!made.ok) throw new Error(`moto makes no bucket: ${made.status}`);
  return {
    env: {
      AWS_ENDPOINT_URL: address,
      AWS_REGION: 'us-east-1',
      AWS_ACCESS_KEY_ID: 'test',
      AWS_SECRET_ACCESS_KEY: 'secret',
    },
    async stop() {
      const closed = once(child, 'close');
      child.kill('SIGKILL');
      await closed;
    },
  };
}
