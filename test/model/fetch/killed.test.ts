import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import { resolveModel } from '../../../src/model/resolve-model.ts';
import { built } from '../../support/build-dist.ts';
import { HubServer, impatientContext } from './hub-server.ts';
import { huggingFaceFiles } from './small-model.ts';

const files = huggingFaceFiles(200_000);
const weights = files['model.safetensors'] ?? Buffer.alloc(0);
let store: string;
let hub: HubServer;

const script = `
  import { resolveModel } from '${built('model/resolve-model.js')}';
  const [, storeDirectory, endpoint] = process.argv;
  const env = { HF_ENDPOINT: endpoint, HF_HOME: storeDirectory };
  await resolveModel('small', { storeDirectory, env, timeouts: { responseMs: 60_000, lockPollMs: 20 } });`;

beforeAll(async () => {
  hub = await HubServer.start();
  hub.publish('openai/whisper-small', {
    ...files,
    'model.safetensors': { bytes: weights, pieceBytes: 4_000, linked: true },
  });
});
afterAll(() => hub.stop());
beforeEach(() => {
  store = mkdtempSync(join(tmpdir(), 'whisper-npu-killed-'));
  hub.requests.length = 0;
});
afterEach(() => rmSync(store, { recursive: true }));

function pull(): ChildProcess {
  return spawn(process.execPath, ['--input-type=module', '--eval', script, store, hub.url], {
    stdio: ['ignore', 'ignore', 'inherit'],
  });
}

function ended(child: ChildProcess): Promise<number | null> {
  return new Promise((resolve) => child.on('exit', resolve));
}

async function bytesOf(name: string): Promise<Buffer> {
  const { timeouts } = impatientContext();
  const env = { HF_ENDPOINT: hub.url, HF_HOME: store };
  const { directory } = await resolveModel('small', { storeDirectory: store, env, timeouts });
  expect(readdirSync(directory).sort()).toEqual([...Object.keys(files), 'manifest.json'].sort());
  return readFileSync(join(directory, name));
}

test('a pull killed at any moment, again and again, ends in a good model when it is let', async () => {
  let killed = 0;
  for (let i = 0; i < 8; i++) {
    const child = pull();
    const timer = setTimeout(() => child.kill('SIGKILL'), 60 + i * 25 + Math.random() * 25);
    if ((await ended(child)) === null) killed++;
    clearTimeout(timer);
  }
  expect(killed).toBeGreaterThan(0);
  expect((await bytesOf('model.safetensors')).equals(weights)).toBe(true);
});

test('two processes that pull at once fetch each file once', async () => {
  expect(await Promise.all([ended(pull()), ended(pull())])).toEqual([0, 0]);
  expect((await bytesOf('model.safetensors')).equals(weights)).toBe(true);
  expect(hub.requestsFor('model.safetensors')).toHaveLength(1);
});

test('a process that waits takes over when the one that fetches is killed', async () => {
  const first = pull();
  const firstEnded = ended(first);
  await new Promise<void>((resolve) => {
    const poll = setInterval(() => {
      if (hub.requestsFor('model.safetensors').length === 0) return;
      clearInterval(poll);
      resolve();
    }, 5);
  });
  const second = ended(pull());
  first.kill('SIGKILL');
  await firstEnded;
  expect(await second).toBe(0);
  expect((await bytesOf('model.safetensors')).equals(weights)).toBe(true);
});
