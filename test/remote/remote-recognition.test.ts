import { readFileSync, writeFileSync } from 'node:fs';
import { createServer, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { exitCode, exitCodeFor } from '../../src/cli/exit-codes.ts';
import { WhisperNpuError } from '../../src/errors.ts';
import { recogniseRemotely } from '../../src/remote/remote-recognition.ts';
import type { Segment } from '../../src/transcribe/segment.ts';
import { scriptedPool, segmentOf, startServer } from '../server/support/test-server.ts';
import { temporaryFolder } from '../support/temporary.ts';

const sample = 'samples/espeak-en-16k.wav';

interface Asked {
  readonly apiKey?: string;
  readonly fields?: readonly (readonly [string, string])[];
  readonly path?: string;
  readonly signal?: AbortSignal;
}

/** @returns what is heard, how far it was said to be, warnings, and how long it was to wait before it was asked again */
async function hear(url: string, { apiKey, fields = [], path = sample, signal }: Asked = {}) {
  const told = { progress: [] as number[], warnings: [] as string[], waits: [] as number[] };
  const server = {
    url,
    apiKey,
    signal: signal ?? new AbortController().signal,
    onBusy: (seconds: number) => void told.waits.push(seconds),
  };
  const { segments, info, ...beginning } = await recogniseRemotely(server, {
    path,
    name: 'talk "1".wav',
    fields,
    onProgress: (seconds) => told.progress.push(seconds),
    onWarning: (message) => told.warnings.push(message),
  });
  const heard: Segment[] = [];
  for await (const segment of segments) heard.push(segment);
  return { ...told, ...beginning, heard, info: info() };
}

/** @returns what goes wrong, as the command line says it, and what that ends with */
async function failureOf(url: string, asked: Asked = {}) {
  const error = await hear(url, asked).then(
    () => new Error('nothing went wrong'),
    (thrown: Error) => thrown,
  );
  const { message, hint, code } = error as WhisperNpuError;
  expect(error).toBeInstanceOf(WhisperNpuError);
  expect(message).not.toContain('\n');
  return { code, message, hint, exit: exitCodeFor(error) };
}

/** A server of another sort. @returns its address */
async function startOther(listener: RequestListener): Promise<string> {
  const server = createServer(listener);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

/** Answers with these events, when it has all of the recording. */
function saying(...events: readonly string[]): RequestListener {
  return (request, response) => {
    request.resume().on('end', () => {
      response.writeHead(200, { 'content-type': 'text/event-stream' });
      response.end(events.map((data) => `data: ${data}\n\n`).join(''));
    });
  };
}

const begin = '{"type": "transcript.begin", "model": "m", "device": "d", "duration": 5}';
const done = '{"type": "transcript.done", "language": null, "language_probability": null, "duration": 5}';

describe('a server', () => {
  test('tells segments as they are, how far it is, warnings, and what it knows in the end', async () => {
    const words = [{ startSeconds: 0, endSeconds: 0.5, text: ' h\u00e4', probability: 1 / 3 }];
    const { language: _, ...plain } = segmentOf(' h\u00e4', 1);
    const said: Segment[] = [
      { ...segmentOf(' one', 0), avgLogprob: Number.NaN, noSpeechProb: 0.1 + 0.2 },
      { ...plain, language: 'zh', words },
    ];
    const pool = scriptedPool(async function* (recording, options) {
      for await (const _ of recording.samples());
      options?.onWarning?.('1 of 2 clips hold no audio');
      options?.onProgress?.(2.5);
      options?.onLanguage?.([{ language: 'de', probability: 0.123456789 }]);
      options?.onDuration?.(5.6025);
      yield* said;
    });
    const { url, answered } = await startServer(pool);
    const result = await hear(`${url}/v1/`);
    expect(result.heard).toEqual(said);
    expect(result).toMatchObject({ model: 'scripted', progress: [2.5], warnings: ['1 of 2 clips hold no audio'] });
    expect(result.durationSeconds).toBeCloseTo(5.6, 1);
    expect(result.info).toEqual({ language: 'de', languageProbability: 0.123456789, audioSeconds: 5.6025 });
    await expect.poll(() => answered.map(({ facts }) => facts.text)).toEqual(['one h\u00e4']);
  });

  test('is asked for times only where they are wanted', async () => {
    const asked: unknown[] = [];
    const { url } = await startServer(
      scriptedPool(async function* (_, options) {
        asked.push(options?.timestamps);
        yield segmentOf(' hello');
      }),
    );
    await hear(url, { fields: [['timestamps', 'false']] });
    await hear(url, { fields: [['timestamps', 'true']] });
    expect(asked).toEqual([undefined, true]);
  });

  test('that is not there, or closes the connection', async () => {
    expect(await failureOf('http://127.0.0.1:1')).toEqual({
      code: 'SERVER_UNREACHABLE',
      message: 'no server answers at http://127.0.0.1:1: nobody listens there',
      hint: expect.stringContaining('whisper-npu serve'),
      exit: exitCode.server,
    });
    const closing = await startOther((_, response) => void response.destroy());
    expect(await failureOf(closing)).toMatchObject({ code: 'SERVER_UNREACHABLE', exit: exitCode.server });
  });

  test('that has a key, of which there is none, a wrong one, the right one', async () => {
    const { url } = await startServer(scriptedPool(), { access: { apiKey: 'right', hosts: [], corsOrigins: [] } });
    const hint = expect.stringContaining('WHISPER_NPU_API_KEY');
    expect(await failureOf(url)).toMatchObject({ code: 'API_KEY_MISSING', hint, exit: exitCode.server });
    expect(await failureOf(url, { apiKey: 'wrong' })).toMatchObject({ code: 'INVALID_API_KEY', hint });
    expect((await hear(url, { apiKey: 'right' })).heard).toMatchObject([{ text: ' hello' }]);
  });

  test('says what is wrong with a recording, a field or a model as it would be said here', async () => {
    const { url } = await startServer(scriptedPool(), { maxDurationSeconds: 3 });
    const none = join(temporaryFolder(), 'none');
    writeFileSync(none, '%PDF-1.7 no sound at all');
    const unreadable = await failureOf(url, { path: none });
    expect(unreadable).toMatchObject({ exit: exitCode.audio, message: expect.stringContaining('talk %221%22.wav') });
    expect(await failureOf(url)).toMatchObject({ code: 'RECORDING_TOO_LONG', exit: exitCode.audio });
    expect(await failureOf(url, { path: `${none}.wav` })).toMatchObject({
      code: 'AUDIO_READ_FAILED',
      exit: exitCode.audio,
    });
    expect(await failureOf(url, { fields: [['beam_size', 'x']] })).toMatchObject({ exit: exitCode.usage });
    expect(await failureOf(url, { fields: [['model', 'x']] })).toMatchObject({
      code: 'MODEL_NOT_FOUND',
      exit: exitCode.model,
    });
  });

  test('that fails in the middle', async () => {
    const { url } = await startServer(
      scriptedPool(async function* () {
        yield segmentOf(' hello');
        throw new Error('the device is gone');
      }),
    );
    expect(await failureOf(url)).toMatchObject({ code: 'INTERNAL_ERROR', exit: exitCode.server });
  });

  test('that is busy is asked again after as long as it says, with the whole recording', async () => {
    const times: number[] = [];
    const sizes: number[] = [];
    const url = await startOther((request, response) => {
      times.push(performance.now());
      let size = 0;
      request.on('data', (block: Buffer) => {
        size += block.length;
      });
      request.on('end', () => {
        sizes.push(size);
        if (sizes.length > 1) return response.end(`data: ${begin}\n\ndata: ${done}\n\n`);
        response.writeHead(429, { 'retry-after': '1' });
        return response.end(JSON.stringify({ error: { message: 'busy', code: 'too_many_requests' } }));
      });
    });
    expect(await hear(url)).toMatchObject({ model: 'm', heard: [], info: { audioSeconds: 5 }, waits: [1] });
    expect((times[1] ?? 0) - (times[0] ?? 0)).toBeGreaterThanOrEqual(990);
    expect(sizes[0]).toBeGreaterThan(readFileSync(sample).length);
    expect(sizes[1]).toBe(sizes[0]);
  });

  test.each<[string, RequestListener, string, RegExp]>([
    ['a page', (_, response) => void response.end('<html>'), 'SERVER_UNKNOWN', /does not begin as it should/],
    ['a way elsewhere', (_, response) => void response.writeHead(307).end(), 'SERVER_UNKNOWN', /it answers with 307/],
    ['what no transcript holds', saying('{"type": "transcript.begin"}'), 'SERVER_UNKNOWN', /is not understood/],
    ['an event without an end', saying(`"${'x'.repeat(5e6)}`), 'SERVER_UNKNOWN', /is not understood|does not end/],
    ['an answer without an end', saying(begin), 'SERVER_CONNECTION_LOST', /was lost before its answer was complete/],
    ['no segments', saying(begin, '[DONE]'), 'SERVER_CONNECTION_LOST', /was lost/],
    [
      'half of an answer',
      (request, response) => {
        request.resume().on('end', () => {
          response.writeHead(200).write(`data: ${begin}\n\ndata: {"ty`);
          setTimeout(() => response.destroy(), 100);
        });
      },
      'SERVER_CONNECTION_LOST',
      /was lost before its answer was complete/,
    ],
  ])('that sends %s', async (_, listener, code, message) => {
    const failure = await failureOf(await startOther(listener));
    expect(failure).toMatchObject({ code, message: expect.stringMatching(message), exit: exitCode.server });
  });

  test('is left where the work is given up, and stops', async () => {
    let gaveUp = false;
    const { url } = await startServer(
      scriptedPool(async function* (_, options) {
        yield segmentOf(' hello');
        await new Promise<void>((resolve) => options?.signal?.addEventListener('abort', () => resolve()));
        gaveUp = true;
      }),
    );
    const stopped = new AbortController();
    const hearing = hear(url, { signal: stopped.signal });
    setTimeout(() => stopped.abort(new Error('enough')), 300);
    await expect(hearing).rejects.toThrow('enough');
    await expect.poll(() => gaveUp).toBe(true);
  });
});
