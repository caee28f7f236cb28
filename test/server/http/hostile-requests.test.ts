import { connect } from 'node:net';
import { describe, expect, onTestFinished, test } from 'vitest';
import {
  errorOf,
  expectNothingKept,
  formWith,
  scriptedPool,
  sendRaw,
  startServer,
  transcribeAt,
} from '../support/test-server.ts';

const limits = { maxBytes: 200_000, minBytesPerSecond: 1000, paceSeconds: 15 };
const path = '/v1/audio/transcriptions';

/** The head of a request whose body comes in pieces, as many as somebody likes. */
const chunkedHead = (target: string) =>
  `POST ${target} HTTP/1.1\r\nHost: localhost\r\nContent-Type: multipart/form-data; boundary=b\r\nTransfer-Encoding: chunked\r\n\r\n`;
const chunk = (text: string) => `${text.length.toString(16)}\r\n${text}\r\n`;
const formPart = (head: string) => `--b\r\nContent-Disposition: form-data; ${head}\r\n\r\n`;

/** Sends one thing, then another for as long as the connection lives. @returns what came back */
async function sendForEver(url: string, first: string, again: string): Promise<string> {
  const { hostname, port } = new URL(url);
  const socket = connect(Number(port), hostname);
  onTestFinished(() => void socket.destroy());
  let answer = '';
  socket.setEncoding('latin1').on('data', (text: string) => {
    answer += text;
  });
  socket.on('error', () => undefined);
  const closed = new Promise<boolean>((resolve) => {
    socket.once('close', () => resolve(true));
    setTimeout(() => resolve(false), 30_000).unref();
  });
  socket.write(first);
  const sending = setInterval(() => {
    if (socket.writable && !socket.writableNeedDrain) socket.write(again);
  }, 5);
  const isClosed = await closed;
  clearInterval(sending);
  expect(isClosed, 'the connection was never closed').toBe(true);
  return answer;
}

test('a request without an end is answered, and its connection closed', async () => {
  const started = await startServer(scriptedPool(), { uploads: limits });
  const bodies = [
    ['a recording', path, formPart('name="file"; filename="a"'), 413],
    ['a field', path, formPart('name="prompt"'), 413],
    ['the head of a part', path, '--b\r\nContent-Disposition: form-data; name="', 400],
    ['what stands before the first part', path, 'x', 413],
    ['what nobody reads', '/v1/models/whisper-1', 'x', 200],
    ['what nobody asked for', '/health', 'x', 405],
  ] as const;
  // All of them wait most of the time.
  await Promise.all([
    ...bodies.map(async ([what, target, begin, status]) => {
      const answer = await sendForEver(started.url, chunkedHead(target) + chunk(begin), chunk('y'.repeat(4000)));
      expect(answer, what).toMatch(new RegExp(`^HTTP/1\\.1 ${status} `));
    }),
    sendForEver(started.url, 'GET /health HTTP/1.1\r\nHost: localhost\r\nX: ', 'y').then((answer) =>
      expect(answer, 'a head').toMatch(/^HTTP\/1\.1 408 .*"code":"slow_sender"/s),
    ),
  ]);
  await expectNothingKept(started, bodies.length);
});

describe('what is oversized', () => {
  test.each<[string, string, number]>([
    [
      'a part’s head',
      `--b\r\nContent-Disposition: form-data; name="file"; filename="a"\r\nX: ${'x'.repeat(50_000)}\r\n\r\na\r\n`,
      400,
    ],
    ['a file’s name', `${formPart(`name="file"; filename="${'x'.repeat(10_000)}"`)}nothing\r\n`, 400],
    [
      'heads of a part',
      `--b\r\n${'X: y\r\n'.repeat(5000)}Content-Disposition: form-data; name="file"; filename="a"\r\n\r\na\r\n`,
      400,
    ],
    ['a thousand files', `${formPart('name="file"; filename="a"')}a\r\n`.repeat(1000), 400],
    ['a form of ten thousand empty parts', '--b\r\n\r\n\r\n'.repeat(10_000), 413],
    ['a field’s list', `${formPart('name="timestamp_granularities[]"')}${'word,'.repeat(10_000)}\r\n`, 400],
    ['a number', `${formPart('name="temperature"')}${'9'.repeat(60_000)}\r\n`, 400],
    ['an object', `${formPart('name="chunking_strategy"')}${'{"a":'.repeat(9000)}\r\n`, 400],
  ])('%s is refused, and the next request answered', async (_, parts, status) => {
    const started = await startServer(scriptedPool());
    const body = `${parts}--b--\r\n`;
    const head = `POST ${path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Type: multipart/form-data; boundary=b\r\nContent-Length: ${body.length}\r\n\r\n`;
    const answer = await sendRaw(started.url, head, body);
    expect(answer).toMatch(new RegExp(`^HTTP/1\\.1 ${status} `));
    expect(answer.length).toBeLessThan(5000);
    expect((await transcribeAt(started.url, formWith(undefined))).status).toBe(400);
    await expectNothingKept(started, 2);
  });

  test('a boundary, a method, and many heads are refused or ignored', async () => {
    const { url } = await startServer(scriptedPool());
    const headers = { 'content-type': `multipart/form-data; boundary=${'x'.repeat(5000)}` };
    const long = await fetch(`${url}${path}`, { method: 'POST', headers, body: 'x' });
    expect((await errorOf(long)).status).toBe(400);
    expect(await sendRaw(url, `${'X'.repeat(1000)} / HTTP/1.1\r\nHost: localhost\r\n\r\n`)).toMatch(/^HTTP\/1\.1 400 /);
    const many = Array.from({ length: 1000 }, (_, i) => `X${i}: y\r\n`).join('');
    expect(await sendRaw(url, `GET /health HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n${many}\r\n`)).toMatch(
      /^HTTP\/1\.1 200 /,
    );
  });
});

describe('two requests that look like one', () => {
  test.each([
    ['a length and pieces', 'Content-Length: 5\r\nTransfer-Encoding: chunked\r\n'],
    ['two lengths', 'Content-Length: 5\r\nContent-Length: 50\r\n'],
    ['a length that is none', 'Content-Length: -5\r\n'],
    ['pieces of another kind', 'Transfer-Encoding: gzip, x\r\n'],
  ])('by %s are refused', async (_, heads) => {
    const { url, answered } = await startServer(scriptedPool());
    const inner = 'GET /v1/models HTTP/1.1\r\nHost: localhost\r\n\r\n';
    const answer = await sendRaw(
      url,
      `POST ${path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n${heads}\r\n0\r\n\r\n${inner}`,
    );
    expect(answer).toMatch(/^HTTP\/1\.1 4\d\d /);
    expect(answer.match(/HTTP\/1\.1 /g)).toHaveLength(1);
    expect(answered.filter(({ status }) => status === 200)).toEqual([]);
  });

  test('that are two, one behind the other, are both answered', async () => {
    const { url } = await startServer(scriptedPool());
    const one = 'GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n';
    const last = 'GET /health HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n';
    expect((await sendRaw(url, one.repeat(200) + last)).match(/HTTP\/1\.1 200 /g)).toHaveLength(201);
  });
});

test.each([
  ['evil.example', 'http://evil.example', 403],
  ['localhost', 'http://evil.example', 403],
  ['localhost:1', 'http://localhost:2', 403],
  ['localhost', 'http://localhost.evil.example', 403],
  ['localhost, evil.example', 'http://localhost', 403],
  ['localhost', 'http://localhost', 415],
])('a page that is asked as %s and says that it is from %s gets %i', async (host, origin, status) => {
  const { url } = await startServer(scriptedPool());
  const heads = `Host: ${host}\r\nOrigin: ${origin}\r\nX-Forwarded-Host: localhost\r\nConnection: close\r\nContent-Length: 0\r\n`;
  expect(await sendRaw(url, `POST ${path} HTTP/1.1\r\n${heads}\r\n`)).toMatch(new RegExp(`^HTTP/1\\.1 ${status} `));
  // An address as the whole target does not stand for the host's name.
  const absolute = `POST http://localhost${path} HTTP/1.1\r\n${heads}\r\n`;
  expect(await sendRaw(url, absolute)).not.toMatch(/^HTTP\/1\.1 200 /);
});
