import { readdirSync, readFileSync, statSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, onTestFinished, test } from 'vitest';
import { seededRandom } from '../../../src/decoding/random.ts';
import type { Pool } from '../../../src/pool/pool.ts';
import {
  errorOf,
  expectNothingKept,
  formWith,
  keptFiles,
  scriptedPool,
  segmentOf,
  sendRaw,
  startServer,
  type TestServer,
  transcribeAt,
} from '../support/test-server.ts';

const wav = new Uint8Array(readFileSync('samples/espeak-en-16k.wav'));
/** How long work goes on that nobody ends. */
const patienceMs = 10_000;
/** More of them are tried with another number in this variable. */
const damagedRequests = Number(process.env['WHISPER_NPU_TEST_DAMAGED_REQUESTS'] ?? 200);
const limits = { maxBytes: 100e6, minBytesPerSecond: 1000, paceSeconds: 15 };

/** A server that listens somewhere and hears who comes. */
async function openCanary(): Promise<{ readonly url: string; readonly heard: () => number }> {
  let heard = 0;
  const server = createServer((socket) => {
    heard++;
    socket.destroy();
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => void server.close());
  const { port } = server.address() as { port: number };
  return { url: `http://127.0.0.1:${port}/secret.wav`, heard: () => heard };
}

/** The head of a request with a form, and the form, as bytes. */
function rawForm(parts: string, headers = ''): string {
  const body = `${parts}--b--\r\n`;
  return `POST /v1/audio/transcriptions HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Type: multipart/form-data; boundary=b\r\nContent-Length: ${body.length}\r\n${headers}\r\n${body}`;
}
const rawField = (name: string, value: string) =>
  `--b\r\nContent-Disposition: form-data; name="${name}"\r\n\r\n${value}\r\n`;
const rawFile = (head: string, content: string) =>
  `--b\r\nContent-Disposition: form-data; ${head}\r\n\r\n${content}\r\n`;

describe('a form', () => {
  test('may come without a length, and its file first', async () => {
    const started = await startServer(scriptedPool());
    const form = new Response(formWith(wav, { model: 'whisper-1' }));
    const response = await fetch(`${started.url}/v1/audio/transcriptions`, {
      method: 'POST',
      body: form.body,
      headers: { 'content-type': form.headers.get('content-type') ?? '' },
      duplex: 'half',
    } as RequestInit);
    expect(await response.json()).toMatchObject({ text: 'hello' });
    await expectNothingKept(started, 1);
  });

  test('is kept in a file that nobody else can read, while it is worked on', async () => {
    const modes: number[] = [];
    const names: string[] = [];
    const started: TestServer = await startServer(
      scriptedPool(async function* () {
        const [folder = ''] = readdirSync(started.uploads);
        names.push(...keptFiles(started));
        modes.push(
          statSync(join(started.uploads, folder)).mode & 0o777,
          statSync(join(started.uploads, folder, '0')).mode & 0o777,
        );
        yield segmentOf(' hello');
      }),
    );
    const file = rawFile('name="file"; filename="../../../../tmp/evil.wav"', Buffer.from(wav).toString('latin1'));
    const text = rawForm(file);
    expect(await sendRaw(started.url, Buffer.from(text, 'latin1'))).toMatch(/^HTTP\/1.1 200 /);
    expect(modes).toEqual([0o700, 0o600]);
    expect(names).toEqual(['0']);
  });

  test.each<[string, FormData, object]>([
    [
      'without a file',
      formWith(undefined, { model: 'whisper-1' }),
      { status: 400, param: 'file', code: 'file_missing' },
    ],
    ['with a file that is empty', formWith(new Uint8Array(0)), { status: 400, param: 'file', code: 'audio_empty' }],
    ['with a field of a megabyte', formWith(wav, { prompt: 'x'.repeat(1e6) }), { status: 413, param: 'prompt' }],
    [
      'with a field whose name is a page',
      formWith(wav, { ['n'.repeat(5000)]: '1' }),
      { status: 400, message: `there is no field ${'n'.repeat(60)}` },
    ],
    [
      'with a thousand fields',
      formWith(wav, Object.fromEntries(Array.from({ length: 1000 }, (_, i) => [`field${i}`, '1']))),
      { status: 413, message: 'the form has too many fields' },
    ],
  ])('%s is refused', async (_, form, error) => {
    const started = await startServer(scriptedPool());
    expect(await errorOf(await transcribeAt(started.url, form))).toMatchObject(error);
    await expectNothingKept(started, 1);
  });

  test.each([
    [
      'two files',
      rawFile('name="file"; filename="a"', 'a') + rawFile('name="file"; filename="b"', 'b'),
      'one file is taken',
    ],
    ['a file under another name', rawFile('name="reference"; filename="a"', 'a'), 'reference is no file that is taken'],
    ['a large file under another name', rawFile('name="reference"; filename="a"', 'a'.repeat(300_000)), 'is no file'],
    ['part of a form', '--b\r\nContent-Disposition: form-data; name="x"\r\n\r\n', 'the body is no whole form'],
    ['a part without a head', '--b\r\n\r\nx\r\n--b\r\nnonsense', 'the body is no whole form'],
  ])('of %s is refused', async (_, parts, message) => {
    const started = await startServer(scriptedPool());
    const answer = await sendRaw(started.url, rawForm(parts));
    expect(answer).toMatch(/^HTTP\/1.1 400 /);
    expect(answer).toContain(message);
    await expectNothingKept(started, 1);
  });

  test.each([
    ['JSON', 'application/json', '{"file":"/etc/passwd"}'],
    ['an address', 'application/x-www-form-urlencoded', 'file=/etc/passwd'],
    ['a form without a boundary', 'multipart/form-data', 'x'],
    ['another sort of parts', 'multipart/mixed; boundary=b', '--b--'],
  ])('that is %s is refused', async (_, type, body) => {
    const { url } = await startServer(scriptedPool());
    const init = { method: 'POST', body, headers: { 'content-type': type } };
    expect([400, 415]).toContain((await fetch(`${url}/v1/audio/transcriptions`, init)).status);
  });
});

describe('what is too large', () => {
  const small = { uploads: { ...limits, maxBytes: 50_000 } };
  const tooLarge = { status: 413, param: 'file', code: 'too_large' };

  test('is refused by what it says of itself, before it is sent', async () => {
    const { url } = await startServer(scriptedPool(), small);
    const head = `POST /v1/audio/transcriptions HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nExpect: 100-continue\r\nContent-Type: multipart/form-data; boundary=b\r\nContent-Length: 99999999\r\n\r\n`;
    const answer = await sendRaw(url, head);
    expect(answer).toMatch(/HTTP\/1.1 413 /);
  });

  test('is refused by what has come of it', async () => {
    const started = await startServer(scriptedPool(), small);
    expect(await errorOf(await transcribeAt(started.url, formWith(wav)))).toMatchObject(tooLarge);
    const form = new Response(formWith(wav));
    const init = {
      method: 'POST',
      body: form.body,
      headers: { 'content-type': form.headers.get('content-type') ?? '' },
      duplex: 'half',
    };
    expect(await errorOf(await fetch(`${started.url}/v1/audio/transcriptions`, init as RequestInit))).toMatchObject(
      tooLarge,
    );
    await expectNothingKept(started, 2);
  });

  test('headers, and addresses, are refused', async () => {
    const { url } = await startServer(scriptedPool());
    expect(await sendRaw(url, `GET /health HTTP/1.1\r\nHost: localhost\r\nX: ${'x'.repeat(20_000)}\r\n\r\n`)).toMatch(
      /^HTTP\/1.1 431 /,
    );
    expect(await sendRaw(url, `GET /${'x'.repeat(20_000)} HTTP/1.1\r\nHost: localhost\r\n\r\n`)).toMatch(
      /^HTTP\/1.1 (431|414) /,
    );
  });

  test('a recording that is longer than it may be is refused, whatever its size', async () => {
    const { url } = await startServer(scriptedPool(), { maxDurationSeconds: 2 });
    const error = {
      status: 413,
      param: 'file',
      code: 'recording_too_long',
      message: 'the recording is longer than 2 s',
    };
    expect(await errorOf(await transcribeAt(url, formWith(wav)))).toMatchObject(error);
    expect((await transcribeAt(url, formWith(wav, { end: '1.5' }))).status).toBe(200);
  });
});

describe('who is too slow', () => {
  test('in sending a form is told so, and keeps no place and no file', async () => {
    const started = await startServer(scriptedPool(), {
      uploads: { ...limits, paceSeconds: 0.2 },
      admission: { running: 1, waiting: 0, waitSeconds: 1 },
    });
    const text = rawForm(rawFile('name="file"; filename="a.wav"', 'x'.repeat(100_000)));
    const answer = await sendRaw(started.url, text.slice(0, 3000));
    expect(answer).toMatch(/^HTTP\/1.1 408 /);
    expect(answer).toContain('less than 1000 bytes a second');
    expect((await transcribeAt(started.url, formWith(wav))).status).toBe(200);
    await expectNothingKept(started, 2);
  });

  test('who sends what is no HTTP is told so', async () => {
    const { url } = await startServer(scriptedPool());
    expect(await sendRaw(url, 'nonsense\r\n\r\n')).toMatch(/^HTTP\/1.1 400 .*"code":"bad_request"/s);
  });
});

describe('who goes away', () => {
  test('ends the work on the recording, and leaves nothing behind', async () => {
    const begun: AbortSignal[] = [];
    const wait: Pool['transcribe'] = async function* (_, options) {
      const { signal } = options ?? {};
      if (signal === undefined) throw new Error('there is a signal');
      begun.push(signal);
      await sleep(patienceMs, undefined, { signal }).catch(() => undefined);
      signal.throwIfAborted();
      yield segmentOf('never');
    };
    const started = await startServer(scriptedPool(wait));
    const leaving = new AbortController();
    const asked = transcribeAt(started.url, formWith(wav), { signal: leaving.signal });
    await expect.poll(() => begun.length).toBe(1);
    expect(keptFiles(started)).toHaveLength(1);
    leaving.abort();
    await expect(asked).rejects.toThrow();
    await expectNothingKept(started, 1);
    expect(begun[0]?.aborted).toBe(true);
    expect(started.answered.map(({ status }) => status)).toEqual([499]);
  });

  test('in the middle of sending, a hundred times, leaves nothing behind', async () => {
    const started = await startServer(scriptedPool());
    const text = rawForm(rawFile('name="file"; filename="a.wav"', 'x'.repeat(10_000)));
    const { hostname, port } = new URL(started.url);
    const { connect } = await import('node:net');
    for (let i = 0; i < 100; i++) {
      const socket = connect(Number(port), hostname);
      socket.on('error', () => undefined);
      socket.write(text.slice(0, 300 + 90 * i), () => socket.destroy());
    }
    await expect.poll(() => started.answered.length).toBeGreaterThan(90);
    await expect.poll(() => keptFiles(started), { timeout: patienceMs }).toEqual([]);
    expect((await transcribeAt(started.url, formWith(wav))).status).toBe(200);
  });
});

describe('addresses and paths', () => {
  const fields = [
    'file',
    'model',
    'language',
    'prompt',
    'response_format',
    'include[]',
    'timestamp_granularities[]',
    'chunking_strategy',
    'languages[]',
    'track',
    'input_format',
    'initial_prompt',
    'prefix',
    'url',
    'path',
    'ffmpeg',
    'source',
    'om_dir',
    'clips',
  ];

  test.each(fields)('in %s are not opened', async (field) => {
    const canary = await openCanary();
    const started = await startServer(scriptedPool());
    for (const value of [
      canary.url,
      '/etc/passwd',
      'file:///etc/passwd',
      '../../../../etc/passwd',
      '\\\\host\\share',
      'data:audio/wav;base64,AAAA',
    ]) {
      const form = field === 'file' ? formWith(undefined, { file: value }) : formWith(wav, { [field]: value });
      const response = await transcribeAt(started.url, form);
      const text = await response.text();
      expect([200, 400, 404]).toContain(response.status);
      expect(text).not.toContain('root:');
    }
    expect(canary.heard()).toBe(0);
  });

  test('in recordings are not opened, whatever they are dressed up as', async () => {
    const canary = await openCanary();
    const started = await startServer(scriptedPool());
    const lures = [
      `#EXTM3U\n#EXT-X-MEDIA-SEQUENCE:0\n#EXTINF:10.0,\n${canary.url}\n#EXT-X-ENDLIST\n`,
      '#EXTM3U\n#EXTINF:10.0,\nfile:///etc/passwd\n#EXT-X-ENDLIST\n',
      `ffconcat version 1.0\nfile '${canary.url}'\n`,
      `ID3\u0003\u0000\u0000\u0000\u0000\u0000\u0000#EXTM3U\n#EXTINF:10.0,\n${canary.url}\n#EXT-X-ENDLIST\n`,
      `<?xml version="1.0"?><MPD xmlns="urn:mpeg:dash:schema:mpd:2011"><Period><AdaptationSet><BaseURL>${canary.url}</BaseURL></AdaptationSet></Period></MPD>`,
      `[playlist]\nFile1=${canary.url}\n`,
      `v=0\nc=IN IP4 127.0.0.1\nm=audio ${new URL(canary.url).port} RTP/AVP 0\n`,
      'PK\u0003\u0004 a zip of nothing, which says that it is a petabyte',
      `<svg xmlns="http://www.w3.org/2000/svg"><image href="${canary.url}"/></svg>`,
    ];
    for (const lure of lures) {
      const error = await errorOf(
        await transcribeAt(started.url, formWith(new Uint8Array(Buffer.from(lure, 'latin1')))),
      );
      expect(error, lure).toMatchObject({ status: 400, param: 'file' });
      expect(error.message).not.toContain(started.uploads);
      expect(error.message).not.toContain('root:');
    }
    expect(canary.heard()).toBe(0);
    await expectNothingKept(started, lures.length);
  });
});

test('forms that are damaged anywhere end in a status, and the server goes on', async () => {
  const started = await startServer(scriptedPool());
  const whole = Buffer.from(
    rawForm(
      rawFile('name="file"; filename="a.wav"', Buffer.from(wav.subarray(0, 4000)).toString('latin1')) +
        rawField('model', 'whisper-1'),
    ),
    'latin1',
  );
  const random = seededRandom(20);
  const below = (limit: number) => Math.floor(random() * limit);
  const seen = new Set<string>();
  for (let i = 0; i < damagedRequests; i++) {
    const bytes = Buffer.from(whole);
    for (let n = 1 + below(6); n > 0; n--) {
      const at = below(i % 2 === 0 ? 500 : bytes.length);
      if (random() < 0.3) bytes.copy(bytes, at, below(bytes.length));
      else bytes[at] = below(256);
    }
    // The end of what is sent is the end of the request, however long it says that it is.
    const answer = await new Promise<string>((resolve) => {
      const { hostname, port } = new URL(started.url);
      void import('node:net').then(({ connect }) => {
        const socket = connect(Number(port), hostname);
        let text = '';
        socket.on('data', (data) => {
          text += data.toString('latin1');
        });
        socket.on('error', () => undefined).on('close', () => resolve(text));
        socket.end(bytes);
      });
    });
    seen.add(/^HTTP\/1.1 (\d{3}) /.exec(answer)?.[1] ?? 'closed');
  }
  for (const status of ['500', '503']) expect(seen).not.toContain(status);
  await sleep(50);
  expect((await transcribeAt(started.url, formWith(wav))).status).toBe(200);
  await expect.poll(() => started.answered.at(-1)?.status).toBe(200);
  await expect.poll(() => keptFiles(started), { timeout: patienceMs }).toEqual([]);
});
