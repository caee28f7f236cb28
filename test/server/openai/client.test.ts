import { createReadStream, readdirSync, readFileSync } from 'node:fs';
import OpenAI, { toFile } from 'openai';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Pool } from '../../../src/pool/pool.ts';
import { models } from '../../support/models.ts';
import { compiledPool, scriptedPool, segmentOf, startServer } from '../support/test-server.ts';

const sample = 'samples/espeak-en-16k.wav';
/** What whisper-tiny.en hears in any case. */
const sentence = /processing unit turns.* in a fraction of a second\./i;

function clientOf(url: string, options: { maxRetries?: number; apiKey?: string } = {}): OpenAI {
  return new OpenAI({ baseURL: `${url}/v1`, apiKey: 'none', maxRetries: 0, ...options });
}

describe.skipIf(models.tinyEn === undefined)('the client of OpenAI', () => {
  let pool: Pool;
  beforeAll(async () => {
    pool = await compiledPool(models.tinyEn ?? '');
  });
  afterAll(() => pool?.close());
  /** The pool outlives the servers of the tests. */
  const shared = (): Pool => ({ ...pool, close: async () => {}, [Symbol.asyncDispose]: async () => {} });
  const file = () => createReadStream(sample);

  test('gets a text, from a model that it calls whisper-1 or by its name', async () => {
    const { url, answered, uploads } = await startServer(shared());
    const { audio } = clientOf(url);
    for (const model of ['whisper-1', 'gpt-4o-transcribe', pool.name]) {
      const { text } = await audio.transcriptions.create({ file: file(), model });
      expect(text).toMatch(sentence);
    }
    await expect.poll(() => answered.map(({ facts }) => facts.model)).toEqual(Array(3).fill(pool.name));
    expect(answered[0]?.facts.audioSeconds).toBeCloseTo(5.6, 1);
    await expect.poll(() => readdirSync(uploads, { recursive: true })).toHaveLength(1); // the folder, with nothing in it
  });

  test('gets every format that there is', async () => {
    const { url } = await startServer(shared());
    const get = async (response_format: string, path = 'transcriptions') => {
      const body = new FormData();
      body.append('response_format', response_format);
      body.append('file', new Blob([readFileSync(sample)]), 'a.wav');
      body.append('model', 'whisper-1');
      const response = await fetch(`${url}/v1/audio/${path}`, { method: 'POST', body });
      return `${response.headers.get('content-type')}\n${await response.text()}`;
    };
    const { transcriptions } = clientOf(url).audio;
    expect(await transcriptions.create({ file: file(), model: 'whisper-1', response_format: 'text' })).toMatch(
      sentence,
    );
    expect(await transcriptions.create({ file: file(), model: 'whisper-1', response_format: 'srt' })).toMatch(
      /^1\n00:00:00,000 --> 00:00:0\d,\d{3}\n/,
    );
    expect(await transcriptions.create({ file: file(), model: 'whisper-1', response_format: 'vtt' })).toMatch(
      /^WEBVTT\n\n/,
    );
    expect(await get('lrc')).toMatch(/^text\/plain; charset=utf-8\n\[by:whisper-npu\]\n\[00:00\.00\]/);
    expect(await get('tsv')).toMatch(/^text\/tab-separated-values; charset=utf-8\nstart\tend\ttext\n0\t/);
    expect(await get('csv')).toMatch(/^text\/csv; charset=utf-8\nstart,end,text\n0,/);
  });

  test('gets segments, and words where it asks for them', async () => {
    const { url } = await startServer(shared());
    const { transcriptions } = clientOf(url).audio;
    const asked = { file: file(), model: 'whisper-1', response_format: 'verbose_json' } as const;
    const plain = await transcriptions.create(asked);
    expect(plain).toMatchObject({
      task: 'transcribe',
      language: 'english',
      duration: 5.603,
      usage: { type: 'duration', seconds: 6 },
    });
    expect(plain.text).toMatch(sentence);
    expect(plain.segments?.[0]).toMatchObject({
      id: 0,
      seek: 0,
      start: 0,
      temperature: 0,
      no_speech_prob: expect.any(Number),
    });
    expect(
      plain.segments
        ?.map(({ text }) => text)
        .join('')
        .trim(),
    ).toBe(plain.text);
    expect(plain.words).toBeUndefined();
    const both = await transcriptions.create({ ...asked, file: file(), timestamp_granularities: ['word', 'segment'] });
    expect(both.words?.[0]).toMatchObject({ word: expect.stringMatching(/^\S+$/), start: expect.any(Number) });
    expect(both.segments).toBeDefined();
    const words = await transcriptions.create({ ...asked, file: file(), timestamp_granularities: ['word'] });
    expect(words.segments).toBeUndefined();
    expect(words.words?.length).toBe(both.words?.length);
  });

  test('gets how sure each word is', async () => {
    const { url } = await startServer(shared());
    const { text, logprobs } = await clientOf(url).audio.transcriptions.create({
      file: file(),
      model: 'whisper-1',
      include: ['logprobs'],
    });
    expect(
      logprobs
        ?.map(({ token }) => token)
        .join('')
        .trim(),
    ).toBe(text);
    for (const { logprob, bytes, token } of logprobs ?? []) {
      expect(logprob).toBeLessThanOrEqual(0);
      expect(Buffer.from(bytes ?? []).toString()).toBe(token);
    }
  });

  test('reads the text as it is written', async () => {
    const { url } = await startServer(shared());
    const stream = await clientOf(url).audio.transcriptions.create({ file: file(), model: 'whisper-1', stream: true });
    let text = '';
    const types: string[] = [];
    for await (const event of stream) {
      types.push(event.type);
      if (event.type === 'transcript.text.delta') text += event.delta;
      if (event.type === 'transcript.text.done') {
        expect(event.text).toBe(text);
        expect(event.usage).toEqual({ type: 'duration', seconds: 6 });
      }
    }
    expect(types).toEqual([...Array(types.length - 1).fill('transcript.text.delta'), 'transcript.text.done']);
    expect(text).toMatch(sentence);
  });

  test('reads segments with their times and words as they come, where it asks for verbose_json', async () => {
    const { url } = await startServer(shared());
    const fields = { stream: 'true', response_format: 'verbose_json', 'timestamp_granularities[]': 'word' };
    const body = new FormData();
    for (const [name, value] of Object.entries(fields)) body.append(name, value);
    body.append('file', new Blob([readFileSync(sample)]), 'a.wav');
    const response = await fetch(`${url}/v1/audio/transcriptions`, { method: 'POST', body });
    const events = (await response.text())
      .split('\n')
      .filter((line) => line.startsWith('data: {'))
      .map((line) => JSON.parse(line.slice(6)));
    const segments = events.filter(({ type }) => type === 'transcript.text.segment');
    expect(segments[0]).toMatchObject({ id: 0, start: 0, end: expect.any(Number), text: expect.any(String) });
    for (const { text, words } of segments)
      expect(words.map(({ word }: { word: string }) => word).join('')).toBe(text.replaceAll(' ', ''));
    expect(
      segments
        .map(({ text }) => text)
        .join('')
        .trim(),
    ).toMatch(sentence);
    expect(events.at(-1)).toMatchObject({ type: 'transcript.text.done', language: 'english', duration: 5.603 });
    expect(events.at(-1).text).toMatch(sentence);
  });

  test('cuts at silence where it asks for that, as a word or as an object', async () => {
    const { url } = await startServer(shared());
    const { transcriptions } = clientOf(url).audio;
    for (const chunking_strategy of [
      'auto',
      { type: 'server_vad', threshold: 0.4, silence_duration_ms: 300 },
    ] as const) {
      const { text } = await transcriptions.create({ file: file(), model: 'whisper-1', chunking_strategy });
      expect(text).toMatch(sentence);
    }
    const wrong = { type: 'server_vad', threshold: 4 } as const;
    await expect(
      transcriptions.create({ file: file(), model: 'whisper-1', chunking_strategy: wrong }),
    ).rejects.toMatchObject({
      status: 400,
      param: 'chunking_strategy[threshold]',
      message: '400 chunking_strategy[threshold] is 4: expected a number from 0 to 1',
    });
  });
});

describe('errors as the client of OpenAI throws them', () => {
  const file = async () => toFile(readFileSync(sample), 'clip.wav');

  test('fields that are wrong, with their names', async () => {
    const { url } = await startServer(scriptedPool());
    const { audio } = clientOf(url);
    const wrong = async (more: object) =>
      audio.transcriptions.create({ file: await file(), model: 'whisper-1', ...more }).then(
        () => 'nothing',
        (error: InstanceType<typeof OpenAI.APIError>) =>
          [error.constructor.name, error.param, error.code, error.message].join(' | '),
      );
    expect(await wrong({ language: 'klingon' })).toBe(
      'BadRequestError | language | option_senseless | 400 language is klingon: expected auto, or a language as code, locale or English name',
    );
    expect(await wrong({ response_format: 'diarized_json' })).toMatch(
      'BadRequestError | response_format | no_speakers | ',
    );
    expect(await wrong({ response_format: 'xml' })).toMatch('BadRequestError | response_format | ');
    expect(await wrong({ model: 'nothing' })).toMatch('NotFoundError | model | model_not_found | ');
    expect(await wrong({ beam_size: 'many' })).toMatch('BadRequestError | beam_size | ');
    expect(await wrong({ beam_sise: 2 })).toBe(
      'BadRequestError | beam_sise | option_unknown | 400 there is no field beam_sise; did you mean beam_size?',
    );
  });

  test('a recording that is none says so without the path that it was kept under', async () => {
    const { url, uploads } = await startServer(scriptedPool());
    const { transcriptions } = clientOf(url).audio;
    const error = await transcriptions
      .create({ file: await toFile(Buffer.from('%PDF-1.7 no sound at all'), 'talk.wav'), model: 'whisper-1' })
      .catch((thrown: InstanceType<typeof OpenAI.APIError>) => thrown);
    expect(error).toMatchObject({ status: 400, param: 'file', requestID: expect.stringMatching(/^req_[0-9a-f]{24}$/) });
    expect((error as Error).message).toContain('talk.wav');
    expect((error as Error).message).not.toContain(uploads);
  });

  test('what goes wrong in the middle of a stream', async () => {
    const { url } = await startServer(
      scriptedPool(async function* () {
        yield segmentOf(' hello');
        throw new Error('the device is gone');
      }),
    );
    const stream = await clientOf(url).audio.transcriptions.create({
      file: await file(),
      model: 'whisper-1',
      stream: true,
    });
    const read = async () => {
      for await (const _ of stream);
    };
    await expect(read()).rejects.toThrow(/The server failed/);
  });

  test('it comes again where the server is busy', async () => {
    let finish = () => {};
    const busy = new Promise<void>((resolve) => {
      finish = resolve;
    });
    let calls = 0;
    const { url, answered } = await startServer(
      scriptedPool(async function* () {
        if (++calls === 1) await busy;
        yield segmentOf(' hello');
      }),
      { admission: { running: 1, waiting: 0, waitSeconds: 60 } },
    );
    const first = clientOf(url).audio.transcriptions.create({ file: await file(), model: 'whisper-1' });
    await expect.poll(() => calls).toBe(1);
    await expect(
      clientOf(url).audio.transcriptions.create({ file: await file(), model: 'whisper-1' }),
    ).rejects.toMatchObject({
      status: 429,
      headers: expect.toSatisfy((headers: Headers) => headers.get('retry-after') === '1'),
    });
    const second = clientOf(url, { maxRetries: 5 }).audio.transcriptions.create({
      file: await file(),
      model: 'whisper-1',
    });
    await expect.poll(() => answered.filter(({ status }) => status === 429).length).toBe(2);
    finish();
    expect((await first).text).toBe('hello');
    expect((await second).text).toBe('hello');
  });

  test('translations are into English, models have names', async () => {
    const tasks: unknown[] = [];
    const { url } = await startServer(
      scriptedPool(async function* (_, options) {
        tasks.push(options?.task);
        yield segmentOf(' hello');
      }),
    );
    const client = clientOf(url);
    expect((await client.audio.translations.create({ file: await file(), model: 'whisper-1' })).text).toBe('hello');
    const verbose = { file: await file(), model: 'whisper-1', response_format: 'verbose_json' } as const;
    expect(await client.audio.translations.create(verbose)).toMatchObject({ language: 'english', task: 'translate' });
    expect(tasks).toEqual(['translate', 'translate']);
    expect((await client.models.list()).data.map(({ id }) => id)).toEqual(['scripted']);
    expect(await client.models.retrieve('whisper-1')).toMatchObject({ id: 'scripted', object: 'model' });
    await expect(client.models.retrieve('../secret')).rejects.toMatchObject({ status: 404 });
    expect(await client.models.delete('scripted')).toEqual({ id: 'scripted', object: 'model', deleted: true });
    expect((await client.models.retrieve('scripted')) as object).toMatchObject({ is_loaded: false });
    const load = await fetch(`${url}/v1/models/whisper-1`, { method: 'POST' });
    expect(await load.json()).toMatchObject({ id: 'scripted', is_loaded: true });
  });
});
