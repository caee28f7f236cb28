import { type ChildProcess, spawn } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { connect } from 'node:net';
import { fileURLToPath } from 'node:url';
import { describe, expect, onTestFinished, test } from 'vitest';
import { formWith, transcribeAt } from '../../server/support/test-server.ts';
import { built } from '../../support/build-dist.ts';
import { models } from '../../support/models.ts';
import { runCli } from '../../support/run-cli.ts';
import { temporaryFolder } from '../../support/temporary.ts';

const wav = new Uint8Array(readFileSync('samples/espeak-en-16k.wav'));
const sentence = /processing unit turns/i;

interface Running {
  readonly child: ChildProcess;
  readonly url: string;
  readonly uploads: string;
  stderr(): string;
  /** Its exit code. */
  readonly ended: Promise<number | null>;
}

async function startServe(args: readonly string[] = [], uploads = temporaryFolder()): Promise<Running> {
  const all = [
    'serve',
    '--port',
    '0',
    '--device',
    'cpu',
    '--model',
    models.tinyEn ?? '',
    '--upload-dir',
    uploads,
    ...args,
  ];
  const child = spawn(process.execPath, [fileURLToPath(built('cli/main.js')), ...all], {
    env: { ...process.env, NO_COLOR: '1' },
  });
  onTestFinished(() => void child.kill('SIGKILL'));
  let stderr = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    stderr += text;
  });
  const ended = new Promise<number | null>((resolve) => child.on('close', resolve));
  await expect.poll(() => stderr, { timeout: 60_000 }).toMatch(/^ready: model whisper-tiny\.en.*device CPU/m);
  const url = /listening on (\S+)/.exec(stderr)?.[1] ?? '';
  return { child, url, uploads, ended, stderr: () => stderr };
}

describe.skipIf(models.tinyEn === undefined)('serve', () => {
  test('answers, writes a line about it without what was said, and ends with 0', async () => {
    const { child, url, uploads, stderr, ended } = await startServe();
    const response = await transcribeAt(url, formWith(wav, { model: 'whisper-1', response_format: 'text' }));
    expect(await response.text()).toMatch(sentence);
    await expect
      .poll(stderr)
      .toMatch(
        /^\d{4}-\S+Z POST \/v1\/audio\/transcriptions 200 in [\d.]+ s, 5\.6 s of audio, whisper-tiny\.en\S*, req_[0-9a-f]{24}$/m,
      );
    child.kill('SIGTERM');
    expect(await ended).toBe(0);
    expect(stderr()).not.toMatch(sentence);
    expect(readdirSync(uploads)).toEqual([]);
  });

  test('writes JSON, and what was said, where it is asked to', async () => {
    const { url, stderr } = await startServe(['--log-format', 'json', '--log-transcripts']);
    await transcribeAt(url, formWith(wav));
    const line = await expect
      .poll(() =>
        stderr()
          .split('\n')
          .find((text) => text.startsWith('{')),
      )
      .toBeDefined()
      .then(() =>
        stderr()
          .split('\n')
          .find((text) => text.startsWith('{')),
      );
    expect(JSON.parse(line ?? '')).toMatchObject({
      method: 'POST',
      path: '/v1/audio/transcriptions',
      status: 200,
      audioSeconds: expect.closeTo(5.6, 1),
      text: expect.stringMatching(sentence),
    });
  });

  test('on SIGTERM answers what has begun, takes nothing more, and ends with 0', async () => {
    const { child, url, stderr, ended } = await startServe();
    const form = new Response(formWith(wav));
    const body = Buffer.from(await form.arrayBuffer());
    const { hostname, port } = new URL(url);
    const socket = connect(Number(port), hostname);
    let answer = '';
    socket.setEncoding('utf8').on('data', (text: string) => {
      answer += text;
    });
    const head = `POST /v1/audio/transcriptions HTTP/1.1\r\nHost: localhost\r\nContent-Type: ${form.headers.get('content-type')}\r\nContent-Length: ${body.length}\r\nExpect: 100-continue\r\n\r\n`;
    socket.write(head);
    await expect.poll(() => answer).toContain('100 Continue');
    socket.write(body.subarray(0, 1000));
    child.kill('SIGTERM');
    await expect.poll(stderr).toContain('shutting down');
    await expect(fetch(`${url}/health`)).rejects.toThrow();
    socket.write(body.subarray(1000));
    expect(await ended).toBe(0);
    expect(answer).toMatch(/HTTP\/1.1 200 /);
    expect(answer).toMatch(sentence);
  });

  test('a second signal ends it at once, and no recording stays', async () => {
    const { child, url, uploads, stderr, ended } = await startServe();
    const { hostname, port } = new URL(url);
    const socket = connect(Number(port), hostname);
    socket.on('error', () => undefined);
    socket.write(
      `POST /v1/audio/transcriptions HTTP/1.1\r\nHost: localhost\r\nContent-Type: multipart/form-data; boundary=b\r\nContent-Length: 100000\r\n\r\n--b\r\nContent-Disposition: form-data; name="file"; filename="a"\r\n\r\nabc`,
    );
    await expect.poll(() => readdirSync(uploads, { recursive: true }).length).toBe(2);
    child.kill('SIGTERM');
    await expect.poll(stderr).toContain('shutting down');
    child.kill('SIGTERM');
    expect(await ended).toBe(130);
    expect(readdirSync(uploads)).toEqual([]);
  });

  test('what a killed server left is gone when the next one has started', async () => {
    const first = await startServe();
    first.child.kill('SIGKILL');
    await first.ended;
    const left = readdirSync(first.uploads);
    expect(left).toHaveLength(1);
    await startServe([], first.uploads);
    expect(readdirSync(first.uploads)).toHaveLength(1);
    expect(readdirSync(first.uploads)).not.toEqual(left);
  });
});

test.skipIf(models.tinyEn === undefined)('a model that nobody asks for is freed, and comes again', async () => {
  const { url, child, ended } = await startServe(['--idle-unload', '0.2']);
  const loaded = async () =>
    /^whisper_npu_models_loaded (\d)$/m.exec(await (await fetch(`${url}/metrics`)).text())?.[1];
  await expect.poll(loaded, { timeout: 60_000 }).toBe('0');
  const response = await transcribeAt(url, formWith(wav, { response_format: 'text' }));
  expect(await response.text()).toMatch(sentence);
  child.kill('SIGTERM');
  expect(await ended).toBe(0);
});

test.each<[string, readonly string[], string]>([
  ['others could reach', ['--host', '0.0.0.0'], 'others can reach 0.0.0.0: a server there needs a key'],
  ['others could reach by IPv6', ['--host', '::'], 'others can reach ::: a server there needs a key'],
  ['speaks Wyoming where others could', ['--host', '0.0.0.0', '--wyoming', '0'], 'hint: say --no-auth if everybody'],
  ['speaks Wyoming beside a key', ['--wyoming', '0', '--api-key', 'x'], '--wyoming cannot be combined with --api-key'],
  ['asks for a key and does not', ['--no-auth', '--api-key', 'x'], '--no-auth cannot be combined with --api-key'],
  ['takes pages from a path', ['--cors-origin', 'https://a.example/page'], 'expected origins'],
  ['has a name with a port', ['--allow-host', 'a.example:80'], 'expected names of machines'],
])('a server that %s is not started', async (_, args, message) => {
  const when = { text: 'listening', act: (kill: (signal: NodeJS.Signals) => void) => kill('SIGKILL') };
  const { code, stderr } = await runCli(['serve', '--port', '0', ...args], { when });
  expect([code, stderr]).toEqual([2, expect.stringContaining(message)]);
});

test('a key that cannot be one is not shown', async () => {
  const { code, stderr } = await runCli(['serve'], { env: { WHISPER_NPU_API_KEY: 'my secret key' } });
  expect([code, stderr]).toEqual([
    2,
    'error: WHISPER_NPU_API_KEY is no such thing: expected a key of letters, digits and signs [OPTION_SENSELESS]\n',
  ]);
});

test('a port that is taken is named', async () => {
  const { createServer } = await import('node:net');
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => void server.close());
  const { port } = server.address() as { port: number };
  const { code, stderr } = await runCli(['serve', '--port', String(port)]);
  expect([code, stderr]).toEqual([
    1,
    expect.stringContaining(`cannot listen on 127.0.0.1, port ${port}: another program listens there`),
  ]);
});
