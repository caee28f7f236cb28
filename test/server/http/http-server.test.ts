import { connect, type Socket } from 'node:net';
import { expect, onTestFinished, test } from 'vitest';
import { scriptedPool, startServer } from '../support/test-server.ts';

interface Client {
  readonly socket: Socket;
  /** All that came. */
  text(): string;
  readonly closed: Promise<void>;
}

function connectTo(url: string): Client {
  const { hostname, port } = new URL(url);
  const socket = connect(Number(port), hostname);
  onTestFinished(() => void socket.destroy());
  let text = '';
  socket.setEncoding('latin1').on('data', (more: string) => {
    text += more;
  });
  socket.on('error', () => undefined);
  return { socket, text: () => text, closed: new Promise((resolve) => socket.once('close', () => resolve())) };
}

test.each([
  ['POST /v1/audio/transcriptions', /^HTTP\/1\.1 503 .*retry-after: 5\r\n.*"code":"shutting_down"/s],
  ['GET /v1/models', /^HTTP\/1\.1 503 .*"code":"shutting_down"/s],
  ['GET /ready', /^HTTP\/1\.1 503 .*"code":"shutting_down"/s],
  ['GET /health', /^HTTP\/1\.1 200 /],
])('a request that is whole when the server is going down, %s, is told so', async (what, expected) => {
  const { url, server } = await startServer(scriptedPool());
  const client = connectTo(url);
  client.socket.write(`${what} HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\n`);
  // What came before on one connection has been read when an answer comes on another that was opened later.
  await fetch(`${url}/health`);
  const drained = server.drain();
  client.socket.write('\r\n');
  await client.closed;
  expect(client.text()).toMatch(expected);
  await drained;
});
