import { readdirSync, readFileSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import type { Pool } from '../../../src/pool/pool.ts';
import type { SpeechServerOptions } from '../../../src/server/speech-server.ts';
import { type Frame, readFrames } from '../../../src/server/wyoming/frames.ts';
import { randomIntegers } from '../../support/damage.ts';
import { models } from '../../support/models.ts';
import { compiledPool, scriptedPool, segmentOf, startServer } from '../support/test-server.ts';

interface Client {
  readonly socket: Socket;
  say(type: string, data?: object, payload?: Uint8Array): void;
  /** @returns undefined where the server has closed the connection */
  hear(): Promise<Frame | undefined>;
}

function message(type: string, data: object, payload: Uint8Array): Buffer {
  const head = JSON.stringify({ type, data, payload_length: payload.length });
  return Buffer.concat([Buffer.from(`${head}\n`), payload]);
}

async function openClient(url: string): Promise<Client> {
  const { hostname, port } = new URL(url.replace('tcp:', 'http:'));
  const socket = connect(Number(port), hostname);
  onTestFinished(() => void socket.destroy());
  await new Promise<void>((resolve, reject) => socket.once('connect', resolve).once('error', reject));
  socket.on('error', () => undefined);
  const frames = readFrames(socket);
  return {
    socket,
    say: (type, data = {}, payload = new Uint8Array(0)) => void socket.write(message(type, data, payload)),
    hear: async () => {
      const { value } = await frames.next().catch(() => ({ value: undefined }));
      return value === undefined ? undefined : (value as Frame);
    },
  };
}

async function start(pool: Pool | Promise<Pool>, options: Partial<SpeechServerOptions> = {}) {
  const started = await startServer(pool, { wyomingPort: 0, ...options });
  return { ...started, wyoming: started.server.wyomingUrl ?? '' };
}

const format = { rate: 16_000, width: 2, channels: 1 };

/** Speaks samples a tenth of a second at a time. */
function speak(client: Client, samples: Uint8Array, how = format): void {
  const size = (how.rate / 10) * how.width * how.channels;
  client.say('audio-start', how);
  for (let i = 0; i < samples.length; i += size) client.say('audio-chunk', how, samples.subarray(i, i + size));
  client.say('audio-stop');
}

const second = Buffer.alloc(32_000);

describe.skipIf(models.tinyEn === undefined)('a model', () => {
  let pool: Pool;
  beforeAll(async () => {
    pool = await compiledPool(models.tinyEn ?? '');
  });
  afterAll(() => pool?.close());
  const shared = (): Pool => ({ ...pool, close: async () => {}, [Symbol.asyncDispose]: async () => {} });
  const samples = readFileSync('samples/espeak-en-16k.wav').subarray(44);
  const mono = new Int16Array(samples.buffer.slice(samples.byteOffset, samples.byteOffset + samples.length));

  /** The same sound, each sample written several times over, in other widths and channels. */
  function written({ rate, width, channels }: typeof format): Buffer {
    const times = (rate / 16_000) * channels;
    const bytes = Buffer.alloc(mono.length * times * width);
    for (let i = 0; i < mono.length * times; i++) {
      const sample = mono[Math.floor(i / times)] ?? 0;
      if (width === 1) bytes[i] = (sample >> 8) + 128;
      else bytes.writeIntLE(sample * 2 ** (8 * width - 16), i * width, width);
    }
    return bytes;
  }

  test.each([
    format,
    { rate: 16_000, width: 1, channels: 1 },
    { rate: 48_000, width: 3, channels: 2 },
    { rate: 32_000, width: 4, channels: 1 },
  ])('hears samples of $width bytes in $channels channels at $rate Hz', async (how) => {
    const { wyoming, answered, uploads } = await start(shared());
    const client = await openClient(wyoming);
    client.say('transcribe', { language: 'en', name: pool.name });
    speak(client, written(how), how);
    const heard = await client.hear();
    expect(heard).toMatchObject({ type: 'transcript', data: { language: 'en' } });
    expect(heard?.data['text']).toMatch(/speech recognition on a neural processing unit/i);
    await expect.poll(() => answered).toMatchObject([{ method: 'WYOMING', status: 200 }]);
    expect(answered[0]?.facts.audioSeconds).toBeCloseTo(5.6, 1);
    await expect.poll(() => readdirSync(uploads, { recursive: true })).toHaveLength(1);
  });
});

test('a client is told of models and languages, and that the server is there', async () => {
  const stored = async () => [{ name: 'whisper-tiny.en' }] as never;
  const { wyoming } = await start(scriptedPool(), { models: { open: async () => scriptedPool(), stored } });
  const client = await openClient(wyoming);
  client.say('describe');
  const info = await client.hear();
  expect(info).toMatchObject({
    type: 'info',
    data: { asr: [{ name: 'whisper-npu', installed: true, attribution: { name: 'whisper-npu' } }], wake: [] },
  });
  const { asr } = (info as Frame).data as {
    asr: readonly { models: readonly { name: string; languages: string[] }[] }[];
  };
  const listed = asr[0]?.models ?? [];
  expect(listed.map(({ name }) => name)).toEqual(['scripted', 'whisper-tiny.en']);
  expect(listed[0]?.languages).toEqual(expect.arrayContaining(['en', 'zh', 'yue']));
  expect(listed[1]?.languages).toEqual(['en']);
  client.say('ping', { text: 'x' });
  expect(await client.hear()).toMatchObject({ type: 'pong', data: { text: 'x' } });
});

test('recordings follow each other on a connection, each with what was asked of it', async () => {
  const asked: unknown[] = [];
  const pool = scriptedPool(async function* (_, options) {
    asked.push(options?.language);
    yield segmentOf(' hello\n');
  });
  const { wyoming } = await start(pool);
  const client = await openClient(wyoming);
  client.say('transcribe', { language: 'de-AT' });
  speak(client, second);
  expect(await client.hear()).toMatchObject({ type: 'transcript', data: { text: 'hello' } });
  client.say('intent', { what: 'is nothing for this server' });
  client.say('audio-chunk', format, second); // some begin without saying so
  client.say('audio-stop');
  expect(await client.hear()).toMatchObject({ type: 'transcript' });
  expect(asked).toEqual(['de', undefined]);
});

test.each<[string, (client: Client) => void, string]>([
  ['a page’s request', (client) => void client.socket.write('POST / HTTP/1.1\r\n\r\n'), 'not_wyoming'],
  ['audio without a rate', (client) => client.say('audio-start', { width: 2, channels: 1 }), 'not_wyoming'],
  ['samples of 8 bytes', (client) => client.say('audio-start', { ...format, width: 8 }), 'not_wyoming'],
  [
    'a rate that there is not',
    (client) => {
      client.say('audio-start', { ...format, rate: 7 });
      client.say('audio-stop');
    },
    'option_senseless',
  ],
  [
    'other samples than it said',
    (client) => {
      client.say('audio-start', format);
      client.say('audio-chunk', { ...format, channels: 2 }, second);
    },
    'not_wyoming',
  ],
  [
    'a beginning within a recording',
    (client) => {
      client.say('audio-start', format);
      client.say('audio-start', format);
    },
    'not_wyoming',
  ],
  ['an end without a beginning', (client) => client.say('audio-stop'), 'not_wyoming'],
  [
    'a language that there is not',
    (client) => {
      client.say('transcribe', { language: 'klingon' });
      speak(client, second);
    },
    'option_senseless',
  ],
  [
    'a model that is a path',
    (client) => {
      client.say('transcribe', { name: '../../etc' });
      speak(client, second);
    },
    'model_not_found',
  ],
  ['a name that is none', (client) => client.say('transcribe', { name: 5 }), 'not_wyoming'],
  [
    'too long a recording, before its end',
    (client) => {
      for (let i = 0; i < 4; i++) client.say('audio-chunk', format, second);
    },
    'recording_too_long',
  ],
])('a client that sends %s is told so, and nothing stays', async (_, act, code) => {
  const { wyoming, uploads } = await start(scriptedPool(), { maxDurationSeconds: 3 });
  const client = await openClient(wyoming);
  act(client);
  expect(await client.hear()).toMatchObject({ type: 'error', data: { code, text: expect.any(String) } });
  expect(await client.hear()).toBeUndefined();
  await expect.poll(() => readdirSync(uploads, { recursive: true })).toHaveLength(1);
  const next = await openClient(wyoming);
  speak(next, second);
  expect(await next.hear()).toMatchObject({ type: 'transcript' });
});

test('too many bytes are refused', async () => {
  const limits = { maxBytes: 50_000, minBytesPerSecond: 1000, paceSeconds: 15 };
  const { wyoming } = await start(scriptedPool(), { uploads: limits });
  const client = await openClient(wyoming);
  speak(client, Buffer.alloc(60_000));
  expect(await client.hear()).toMatchObject({ type: 'error', data: { code: 'too_large' } });
});

test('who does not speak on is given up, and lets another one in', async () => {
  const { wyoming, uploads, answered } = await start(scriptedPool(), {
    admission: { running: 1, waiting: 0, waitSeconds: 60 },
    uploads: { maxBytes: 1e6, minBytesPerSecond: 1000, paceSeconds: 0.3 },
  });
  const silent = await openClient(wyoming);
  silent.say('audio-start', format);
  await expect.poll(() => readdirSync(uploads, { recursive: true }).length).toBe(2);
  const other = await openClient(wyoming);
  other.say('audio-start', format);
  expect(await other.hear()).toMatchObject({ type: 'error', data: { code: 'too_many_requests' } });
  expect(await silent.hear()).toBeUndefined();
  const tryAgain = async () => {
    const last = await openClient(wyoming);
    speak(last, second);
    return (await last.hear())?.type;
  };
  await expect.poll(tryAgain).toBe('transcript');
  expect(answered.map(({ status }) => status)).toEqual(expect.arrayContaining([429, 408, 200]));
});

test('the work for a client that goes away ends', async () => {
  let gaveUp = false;
  let began = false;
  const pool = scriptedPool(async function* (_, options) {
    began = true;
    await new Promise<void>((resolve) => options?.signal?.addEventListener('abort', () => resolve()));
    gaveUp = true;
    throw options?.signal?.reason;
  });
  const { wyoming, answered, uploads } = await start(pool);
  const client = await openClient(wyoming);
  speak(client, second);
  await expect.poll(() => began).toBe(true);
  client.socket.destroy();
  await expect.poll(() => gaveUp).toBe(true);
  await expect.poll(() => answered.map(({ status }) => status)).toEqual([499]);
  await expect.poll(() => readdirSync(uploads, { recursive: true })).toHaveLength(1);
});

test('a server that goes down answers what has been spoken, and no one else', async () => {
  let finish = () => {};
  const waiting = new Promise<void>((resolve) => {
    finish = resolve;
  });
  let began = false;
  const pool = scriptedPool(async function* () {
    began = true;
    await waiting;
    yield segmentOf(' hello');
  });
  const { wyoming, server } = await start(pool);
  const [speaking, idle] = [await openClient(wyoming), await openClient(wyoming)];
  speak(speaking, second);
  await expect.poll(() => began).toBe(true);
  const drained = server.drain();
  expect(await idle.hear()).toBeUndefined();
  finish();
  expect(await speaking.hear()).toMatchObject({ type: 'transcript', data: { text: 'hello' } });
  expect(await speaking.hear()).toBeUndefined();
  await drained;
});

test('who says no more after the end of a recording gets its text', async () => {
  const pool = scriptedPool(async function* (recording) {
    for await (const _ of recording.samples());
    await sleep(1300); // until it has been looked whether somebody still waits
    yield segmentOf(' hello');
  });
  const { wyoming, answered } = await start(pool);
  const client = await openClient(wyoming);
  speak(client, second);
  client.socket.end();
  const heard = [await client.hear(), await client.hear()];
  expect(heard.map((frame) => frame?.type)).toEqual(['ping', 'transcript']);
  expect(heard[1]?.data['text']).toBe('hello');
  expect(await client.hear()).toBeUndefined();
  await expect.poll(() => answered.map(({ status }) => status)).toEqual([200]);
  const halfway = await openClient(wyoming);
  halfway.say('audio-start', format);
  halfway.socket.end();
  expect(await halfway.hear()).toBeUndefined();
  await expect.poll(() => answered.map(({ status }) => status)).toEqual([200, 499]);
});

test('idle connections shut nobody out: the oldest of them gives way', async () => {
  const { wyoming } = await start(scriptedPool(), { admission: { running: 1, waiting: 1, waitSeconds: 1 } });
  const speaking = await openClient(wyoming);
  speaking.say('audio-start', format);
  speaking.say('ping');
  expect(await speaking.hear()).toMatchObject({ type: 'pong' });
  const idle = await Promise.all(Array.from({ length: 257 }, () => openClient(wyoming)));
  const more = await openClient(wyoming);
  speak(more, second);
  expect(await more.hear()).toMatchObject({ type: 'transcript' });
  await expect.poll(() => idle.filter(({ socket }) => socket.destroyed).length).toBe(1);
  speaking.say('audio-chunk', format, second);
  speaking.say('audio-stop');
  expect(await speaking.hear()).toMatchObject({ type: 'transcript' });
});

test('damaged conversations do no harm to the server', async () => {
  const { wyoming, uploads } = await start(scriptedPool());
  const whole = Buffer.concat([
    message('describe', {}, Buffer.alloc(0)),
    message('transcribe', { language: 'en' }, Buffer.alloc(0)),
    message('audio-start', format, Buffer.alloc(0)),
    message('audio-chunk', format, second.subarray(0, 3200)),
    message('audio-stop', {}, Buffer.alloc(0)),
  ]);
  const random = randomIntegers(1);
  for (let i = 0; i < 150; i++) {
    const bytes = Buffer.from(whole);
    for (let n = random(4); n >= 0; n--) bytes[random(bytes.length)] = random(256);
    const client = await openClient(wyoming);
    client.socket.end(bytes.subarray(0, random(3) === 0 ? random(bytes.length) : bytes.length));
    await new Promise<void>((resolve) => client.socket.once('close', () => resolve()).resume());
  }
  await expect.poll(() => readdirSync(uploads, { recursive: true })).toHaveLength(1);
  const client = await openClient(wyoming);
  speak(client, second);
  expect(await client.hear()).toMatchObject({ type: 'transcript', data: { text: 'hello' } });
});
