import { describe, expect, test } from 'vitest';
import { isLoopback } from '../../../src/server/http/access.ts';
import { errorOf, formWith, scriptedPool, sendRaw, startServer, transcribeAt } from '../support/test-server.ts';

const key = 'sk-a-key-that-nobody-guesses';
const withKey = { access: { hosts: [], corsOrigins: [], apiKey: key } };
const wav = new Uint8Array(await (await import('node:fs/promises')).readFile('samples/espeak-en-16k.wav'));

function get(path: string, headers: Readonly<Record<string, string>>): string {
  const lines = Object.entries({ Connection: 'close', ...headers }).map(([name, value]) => `${name}: ${value}\r\n`);
  return `GET ${path} HTTP/1.1\r\n${lines.join('')}\r\n`;
}

describe('a key', () => {
  test.each([
    ['none', undefined, 'api_key_missing'],
    ['an empty one', 'Bearer ', 'api_key_missing'],
    ['another scheme', `Basic ${key}`, 'api_key_missing'],
    ['a wrong one', 'Bearer sk-wrong', 'invalid_api_key'],
    ['the first half of it', `Bearer ${key.slice(0, 10)}`, 'invalid_api_key'],
    ['more than it', `Bearer ${key}x`, 'invalid_api_key'],
    ['it twice', `Bearer ${key} ${key}`, 'api_key_missing'],
  ])('%s is refused before anything is read', async (_, authorization, code) => {
    const { url } = await startServer(scriptedPool(), withKey);
    const headers = authorization === undefined ? {} : { authorization };
    for (const path of ['/v1/models', '/v1/models/x'])
      expect(await errorOf(await fetch(`${url}${path}`, { headers }))).toMatchObject({
        status: 401,
        code,
        type: 'authentication_error',
      });
    const response = await transcribeAt(url, formWith(wav), { headers });
    expect(response.headers.get('www-authenticate')).toBe('Bearer');
    expect(await errorOf(response)).toMatchObject({ status: 401, code });
  });

  test('the right one opens everything; whether the server lives needs none', async () => {
    const { url } = await startServer(scriptedPool(), withKey);
    const headers = { authorization: `Bearer ${key}` };
    expect((await transcribeAt(url, formWith(wav), { headers })).status).toBe(200);
    expect((await fetch(`${url}/health`)).status).toBe(200);
    expect((await fetch(`${url}/ready`)).status).toBe(200);
  });
});

describe('names that the server is asked under', () => {
  test.each([
    ['evil.example', 403],
    ['evil.example:80', 403],
    ['127.0.0.1.evil.example', 403],
    ['localhost.evil.example', 403],
    ['', 403],
    ['127.0.0.1@evil.example', 403],
    ['localhost', 200],
    ['LOCALHOST:99', 200],
    ['192.168.0.7:8000', 200],
    ['[::1]:8000', 200],
    ['speech.example', 200],
    ['SPEECH.example:443', 200],
  ])('%j gives %i', async (host, status) => {
    const { url } = await startServer(scriptedPool(), { access: { hosts: ['speech.example'], corsOrigins: [] } });
    expect(await sendRaw(url, get('/health', { Host: host }))).toMatch(new RegExp(`^HTTP/1.1 ${status} `));
  });

  test('none at all is refused', async () => {
    const { url } = await startServer(scriptedPool());
    expect(await sendRaw(url, get('/health', {}))).toMatch(/^HTTP\/1.1 400 /);
    expect(await sendRaw(url, 'GET /health HTTP/1.0\r\n\r\n')).toMatch(/^HTTP\/1.1 403 /);
  });
});

describe('web pages', () => {
  const access = { hosts: [], corsOrigins: ['https://app.example'] };

  test.each(['https://evil.example', 'null', 'http://localhost:1', 'https://app.example.evil', 'http://app.example'])(
    'of %s cannot send anything, and are told nothing of what may be read',
    async (origin) => {
      const { url, answered } = await startServer(scriptedPool(), { access });
      const response = await transcribeAt(url, formWith(wav), { headers: { origin } });
      expect(response.headers.get('access-control-allow-origin')).toBeNull();
      expect(await errorOf(response)).toMatchObject({ status: 403, code: 'origin_forbidden' });
      const read = await fetch(`${url}/v1/models`, { headers: { origin } });
      expect([read.status, read.headers.get('access-control-allow-origin')]).toEqual([200, null]);
      const preflight = await fetch(`${url}/v1/audio/transcriptions`, { method: 'OPTIONS', headers: { origin } });
      expect(preflight.status).toBe(403);
      expect(answered.some(({ facts }) => facts.model !== undefined)).toBe(false);
    },
  );

  test('of an origin that was named can', async () => {
    const { url } = await startServer(scriptedPool(), { access });
    const headers = { origin: 'https://app.example' };
    const preflight = await fetch(`${url}/v1/audio/transcriptions`, {
      method: 'OPTIONS',
      headers: { ...headers, 'access-control-request-headers': 'authorization, content-type' },
    });
    expect(preflight.status).toBe(204);
    expect(preflight.headers.get('access-control-allow-headers')).toBe('authorization, content-type');
    expect(preflight.headers.get('access-control-allow-origin')).toBe('https://app.example');
    const response = await transcribeAt(url, formWith(wav), { headers });
    expect([response.status, response.headers.get('access-control-allow-origin')]).toEqual([
      200,
      'https://app.example',
    ]);
    expect(response.headers.get('vary')).toBe('origin');
  });

  test('of the server itself can', async () => {
    const { url } = await startServer(scriptedPool());
    expect((await transcribeAt(url, formWith(wav), { headers: { origin: url } })).status).toBe(200);
  });

  test('of the server itself can, through a proxy that ends TLS', async () => {
    const { url } = await startServer(scriptedPool());
    const headers = { origin: url.replace('http:', 'https:') };
    expect((await transcribeAt(url, formWith(wav), { headers })).status).toBe(200);
    const elsewhere = { origin: 'https://127.0.0.1:1' };
    expect((await transcribeAt(url, formWith(wav), { headers: elsewhere })).status).toBe(403);
  });
});

test.each([
  ['127.0.0.1', true],
  ['127.8.8.8', true],
  ['::1', true],
  ['localhost', true],
  ['0.0.0.0', false],
  ['::', false],
  ['192.168.1.1', false],
  ['example.org', false],
])('%s is reached from this machine alone: %s', (host, expected) => expect(isLoopback(host)).toBe(expected));
