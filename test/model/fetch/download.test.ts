import {
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { SourceError, type Timeouts } from '../../../src/model/fetch/context.ts';
import { downloadFile } from '../../../src/model/fetch/download.ts';
import { HubServer, hasRead, impatientContext, type Served, sha256Of } from './hub-server.ts';
import { noise } from './small-model.ts';

const bytes = noise(50_000);
const sha256 = sha256Of(bytes);
let hub: HubServer;
let folder: string;
let path: string;

beforeAll(async () => {
  hub = await HubServer.start();
});
afterAll(() => hub.stop());
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'whisper-npu-download-'));
  path = join(folder, 'file');
  hub.files.clear();
  hub.requests.length = 0;
});
afterEach(() => rmSync(folder, { recursive: true }));

function serve(file: Partial<Served>): void {
  hub.files.set('file', { bytes, ...file });
}

function download(options: { sha256?: string; headers?: Record<string, string> } = {}, context = impatientContext()) {
  return downloadFile({ url: `${hub.url}/file`, headers: {}, sha256: undefined, path, ...options }, context);
}

function withTimeouts(timeouts: Partial<Timeouts>) {
  const context = impatientContext();
  return { ...context, timeouts: { ...context.timeouts, ...timeouts } };
}

/** Stops a download after `afterBytes` as a user would. */
async function interrupt(afterBytes: number): Promise<void> {
  const controller = new AbortController();
  const context = impatientContext({
    signal: controller.signal,
    onEvent: (event) => {
      if (event.kind === 'progress' && event.receivedBytes >= afterBytes) controller.abort(new Error('interrupted'));
    },
  });
  await expect(download({}, context)).rejects.toThrow('interrupted');
}

describe('a file that is served right', () => {
  test('arrives whole, with its size and hash, and nothing besides', async () => {
    serve({});
    const context = impatientContext();
    expect(await download({ sha256 }, context)).toEqual({ name: 'file', sizeBytes: 50_000, sha256 });
    expect(readFileSync(path).equals(bytes)).toBe(true);
    expect(existsSync(`${path}.part`)).toBe(false);
    expect(context.events.at(-1)).toEqual({
      kind: 'progress',
      file: 'file',
      receivedBytes: 50_000,
      totalBytes: 50_000,
    });
  });

  test('is checked against the hash on the hop that redirects', async () => {
    serve({ linked: true });
    expect((await download()).sha256).toBe(sha256);
    serve({ linked: { sha256: sha256Of(Buffer.from('other')) } });
    await expect(download()).rejects.toThrow(/has SHA-256 .* instead of/);
    expect(readdirSync(folder)).not.toContain('file.part');
  });

  test('is checked against its own tag if that is a hash, but not against the tag of a store behind a redirect', async () => {
    const other = sha256Of(Buffer.from('other'));
    serve({ etag: `"${other}"` });
    await expect(download()).rejects.toThrow(/has SHA-256/);
    const redirecting: typeof fetch = async (target, init) =>
      String(target).endsWith('/pointer')
        ? new Response(null, { status: 302, headers: { location: '/file' } })
        : fetch(target, init);
    const request = { url: `${hub.url}/pointer`, headers: {}, path, sha256: undefined };
    expect((await downloadFile(request, impatientContext({ fetch: redirecting }))).sha256).toBe(sha256);
  });

  test('is not fetched again when it came whole before', async () => {
    serve({ linked: true });
    await download();
    const { ino } = statSync(path);
    await download();
    expect(statSync(path).ino).toBe(ino);
  });

  test('is fetched again when the server has another by now', async () => {
    serve({ linked: true });
    await download();
    const newer = noise(50_000, 2);
    serve({ bytes: newer, linked: true });
    await download();
    expect(readFileSync(path).equals(newer)).toBe(true);
  });

  test('gets the token at the hub but not where the hub redirects to', async () => {
    serve({ linked: true });
    const elsewhere = await HubServer.start();
    elsewhere.files.set('file', { bytes });
    const redirecting: typeof fetch = async (target, init) => {
      const reply = await fetch(target, init);
      if (reply.status !== 302) return reply;
      return new Response(null, { status: 302, headers: { location: `${elsewhere.url}/file` } });
    };
    await download({ headers: { authorization: 'Bearer secret' } }, impatientContext({ fetch: redirecting }));
    expect(hub.requests[0]?.authorization).toBe('Bearer secret');
    expect(elsewhere.requests[0]?.authorization).toBeUndefined();
    await elsewhere.stop();
  });
});

describe('the token', () => {
  /** Follows redirects from the first address on, and notes which addresses get it. */
  async function addressesWithToken(...addresses: readonly string[]): Promise<string[]> {
    const told: string[] = [];
    const answers: typeof fetch = async (target, init) => {
      const address = String(target);
      if (new Headers(init?.headers).has('authorization')) told.push(address);
      const next = addresses[addresses.indexOf(address) + 1];
      return next === undefined
        ? new Response(bytes, { headers: { 'content-length': String(bytes.length) } })
        : new Response(null, { status: 302, headers: { location: next } });
    };
    const url = addresses[0] ?? '';
    const headers = { authorization: 'Bearer secret' };
    await downloadFile({ url, headers, path, sha256: undefined }, impatientContext({ fetch: answers }));
    return told;
  }

  test.each([
    ['another path', ['https://hub.test/a', 'https://hub.test/b'], 2],
    ['the same host, encrypted', ['http://hub.test/a', 'https://hub.test/b'], 2],
    ['the same host, not encrypted any more', ['https://hub.test/a', 'http://hub.test/b'], 1],
    ['another port', ['https://hub.test/a', 'https://hub.test:8443/b'], 1],
    ['another port, encrypted', ['http://hub.test:8080/a', 'https://hub.test/b'], 1],
    ['another host', ['https://hub.test/a', 'https://hub.test.evil.test/b'], 1],
    ['another host and back', ['https://hub.test/a', 'https://evil.test/b', 'https://hub.test/c'], 1],
    [
      'the same host by way of an unencrypted answer',
      ['https://hub.test/a', 'http://hub.test/b', 'https://hub.test/c'],
      1,
    ],
  ])('on a redirect to %s', async (_, addresses, count) => {
    expect(await addressesWithToken(...addresses)).toEqual(addresses.slice(0, count));
  });

  test('nothing but HTTP is followed', async () => {
    await expect(addressesWithToken('https://hub.test/a', 'data:text/plain,x')).rejects.toThrow('redirects to data:');
  });
});

describe('a body without an end', () => {
  /** Gives zeros for as long as somebody reads. @returns how many bytes were read */
  function endless(headers: Record<string, string> = {}) {
    const piece = new Uint8Array(2 ** 20);
    const given = { bytes: 0 };
    const answers: typeof fetch = async () => {
      const body = new ReadableStream({
        pull(controller) {
          given.bytes += piece.length;
          controller.enqueue(piece);
        },
      });
      return new Response(body, { headers });
    };
    return { given, answers };
  }

  test.each(['config.json', 'tokenizer.json', 'model.safetensors.index.json', 'vocabulary.txt', 'model.bin'])(
    'that nobody announced is left for %s, and nothing of it stays',
    async (file) => {
      const { given, answers } = endless();
      const request = { url: `${hub.url}/${file}`, headers: {}, path: join(folder, file), sha256: undefined };
      await expect(downloadFile(request, impatientContext({ fetch: answers }))).rejects.toThrow(
        `${file} is longer than`,
      );
      expect(given.bytes).toBeLessThan(40 * 2 ** 20);
      expect(readdirSync(folder).filter((name) => !name.endsWith('.origin.json'))).toEqual([]);
    },
  );

  test.each([
    ['config.json', 33 * 2 ** 20],
    ['model.bin', 2 ** 50],
  ])('of %s that is announced to be absurdly long is not begun', async (file, length) => {
    const { given, answers } = endless({ 'content-length': String(length) });
    const request = { url: `${hub.url}/${file}`, headers: {}, path: join(folder, file), sha256: undefined };
    await expect(downloadFile(request, impatientContext({ fetch: answers }))).rejects.toThrow(`has ${length} bytes`);
    expect(given.bytes).toBeLessThan(4 * 2 ** 20);
  });

  test('is left where it goes beyond what was announced', async () => {
    const { given, answers } = endless({ 'content-length': '3000000' });
    const request = { url: `${hub.url}/model.bin`, headers: {}, path, sha256: undefined };
    await expect(downloadFile(request, impatientContext({ fetch: answers }))).rejects.toThrow(
      '3000000 bytes announced',
    );
    expect(given.bytes).toBeLessThan(8 * 2 ** 20);
  });
});

describe('a connection that drops', () => {
  test('is taken up again where it broke, as often as each time brings something', async () => {
    const context = impatientContext();
    const clientHas = hasRead(context.events, 'file');
    serve({ etag: '"v1"', dropAfter: [9_000, 100, 100, 100, 100, 8_000], clientHas });
    await download({}, context);
    expect(readFileSync(path).equals(bytes)).toBe(true);
    expect(context.events.filter(({ kind }) => kind === 'retry')).toHaveLength(6);
    expect(hub.requests[1]?.range).toBe('bytes=9000-');
  });

  test('is given up when it brings nothing new', async () => {
    const context = impatientContext();
    serve({ etag: '"v1"', dropAfter: [9_000, 0, 0, 0, 0, 0], clientHas: hasRead(context.events, 'file') });
    await expect(download({}, context)).rejects.toThrow(/dropped|terminated|other side closed/);
    expect(hub.requests).toHaveLength(4);
  });

  test('starts over at a server that ignores ranges, and is given up if that never gets further', async () => {
    serve({ ignoreRange: true, etag: '"v1"', dropAfter: [9_000] });
    await download();
    expect(readFileSync(path).equals(bytes)).toBe(true);
    serve({ ignoreRange: true, etag: '"v2"', dropAfter: Array(10).fill(9_000) });
    await expect(download()).rejects.toThrow();
  });

  test('is noticed when the server only stops sending', async () => {
    serve({ etag: '"v1"', hang: 'body' });
    await expect(download({}, withTimeouts({ stallMs: 100 }))).rejects.toThrow('nothing came for 0.1 s');
  });
});

describe('an interrupted download', () => {
  test('goes on in a later run', async () => {
    serve({ linked: true, pieceBytes: 5_000 });
    await interrupt(20_000);
    const left = statSync(`${path}.part`).size;
    expect(left).toBeGreaterThanOrEqual(20_000);
    hub.requests.length = 0;
    expect((await download()).sha256).toBe(sha256);
    expect(hub.requests[0]?.range).toBe(`bytes=${left}-`);
  });

  test('starts over when the file has changed meanwhile', async () => {
    serve({ etag: '"v1"', pieceBytes: 5_000 });
    await interrupt(20_000);
    const newer = noise(50_000, 2);
    serve({ bytes: newer, etag: '"v2"' });
    await download();
    expect(readFileSync(path).equals(newer)).toBe(true);
  });

  test('starts over when the file has become shorter than what is there', async () => {
    serve({ etag: '"v1"', pieceBytes: 5_000 });
    await interrupt(20_000);
    serve({ bytes: bytes.subarray(0, 100), etag: '"v1"' });
    expect((await download()).sizeBytes).toBe(100);
  });

  test('starts over when what is there was damaged', async () => {
    serve({ linked: true, pieceBytes: 5_000 });
    await interrupt(20_000);
    const part = readFileSync(`${path}.part`);
    part.fill(0, 1_000, 2_000);
    writeFileSync(`${path}.part`, part);
    expect((await download()).sha256).toBe(sha256);
    expect(readFileSync(path).equals(bytes)).toBe(true);
  });

  test('is finished when every byte had come', async () => {
    serve({ linked: true, pieceBytes: 5_000 });
    await interrupt(20_000);
    writeFileSync(`${path}.part`, bytes);
    expect((await download()).sha256).toBe(sha256);
    expect(hub.requests.at(-1)?.range).toBe('bytes=49999-');
  });

  test('starts over when nothing tells one version from another', async () => {
    serve({ pieceBytes: 5_000 });
    await interrupt(20_000);
    hub.requests.length = 0;
    await download();
    expect(hub.requests[0]?.range).toBeUndefined();
  });
});

describe('a server that lies', () => {
  test('about the length, too long: the end is noticed', async () => {
    serve({ announcedBytes: 60_000 });
    await expect(download({}, withTimeouts({ stallMs: 100 }))).rejects.toThrow(SourceError);
    expect(existsSync(path)).toBe(false);
  });

  test('about the length, too short: the hub said how long it is', async () => {
    serve({ announcedBytes: 40_000, linked: true, ignoreRange: true });
    await expect(download()).rejects.toThrow(SourceError);
    expect(existsSync(path)).toBe(false);
  });

  test('about the content: refused before it is fetched, or when it has come', async () => {
    const pinned = sha256Of(Buffer.from('pinned'));
    serve({ linked: true });
    await expect(download({ sha256: pinned })).rejects.toThrow(`offers a file with SHA-256 ${sha256}`);
    serve({});
    await expect(download({ sha256: pinned })).rejects.toThrow(`has SHA-256 ${sha256} instead of ${pinned}`);
    expect(readdirSync(folder).filter((name) => !name.endsWith('.origin.json'))).toEqual([]);
  });
});

describe('a server that refuses', () => {
  test.each([
    [404, 'not there (HTTP 404)', 1],
    [403, 'access refused (HTTP 403)', 1],
    [401, 'HF_TOKEN', 1],
    [500, 'server error (HTTP 500)', 3],
    [429, 'too many requests (HTTP 429)', 3],
    [204, 'unexpected answer (HTTP 204)', 1],
  ])('with HTTP %i is named and asked as often as makes sense', async (status, reason, attempts) => {
    serve({ status });
    await expect(download()).rejects.toThrow(reason);
    expect(hub.requests).toHaveLength(attempts);
  });

  test('by silence is left at once', async () => {
    serve({ hang: 'headers' });
    await expect(download({}, withTimeouts({ responseMs: 150 }))).rejects.toThrow('no answer within 0.15 s');
    expect(hub.requests).toHaveLength(1);
  });

  test('by redirecting in a circle is left', async () => {
    const circle: typeof fetch = async () => new Response(null, { status: 302, headers: { location: '/again' } });
    await expect(download({}, impatientContext({ fetch: circle }))).rejects.toThrow('redirects in a circle');
  });

  test('by not being there is named in words', async () => {
    const gone = await HubServer.start();
    const url = `${gone.url}/file`;
    await gone.stop();
    const request = { url, headers: {}, path, sha256: undefined };
    await expect(downloadFile(request, impatientContext())).rejects.toThrow('connection refused');
  });
});

test.skipIf(!existsSync('/dev/full'))('a full disk is named, with how much is missing', async () => {
  serve({ linked: true });
  symlinkSync('/dev/full', `${path}.part`);
  await expect(download()).rejects.toMatchObject({
    code: 'MODEL_DISK_FULL',
    message: expect.stringContaining('1 MB more are needed'),
    hint: expect.stringContaining('WHISPER_NPU_HOME'),
  });
});
