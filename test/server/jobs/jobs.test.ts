import { copyFileSync, existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, onTestFinished, test, vi } from 'vitest';
import type { Job } from '../../../src/queue/job.ts';
import { openJournalQueue } from '../../../src/queue/journal/journal-queue.ts';
import { performJob } from '../../../src/queue/perform-job.ts';
import type { JobQueue } from '../../../src/queue/queue.ts';
import { type JobDeskOptions, openJobDesk } from '../../../src/server/jobs/job-desk.ts';
import type { SpeechServerOptions } from '../../../src/server/speech-server.ts';
import { nothingRemote } from '../../queue/jobs.ts';
import { temporaryFolder } from '../../support/temporary.ts';
import { errorOf, formWith, scriptedPool, sendRaw, startServer, transcribeAt } from '../support/test-server.ts';

const wav = new Uint8Array(readFileSync('samples/espeak-en-16k.wav'));

interface JobAnswer {
  readonly id: string;
  readonly status: string;
  readonly result?: unknown;
  readonly [field: string]: unknown;
}

/** A server that takes jobs for a queue in a folder, beside which nobody works yet. */
async function startFront(
  desk: Partial<JobDeskOptions> = {},
  server: Partial<SpeechServerOptions> = {},
  directory = temporaryFolder(),
) {
  const queue = await openJournalQueue(join(directory, 'queue'));
  const warnings: string[] = [];
  const onWarning = (message: string) => warnings.push(message);
  const jobs = { queue, directory, keepSeconds: 3600, maxJobs: 10, version: '7.0.1', onWarning, ...desk };
  const { url, server: started } = await startServer(scriptedPool(), { jobs, ...server });
  return { url, queue, directory, warnings, server: started };
}

function post(url: string, fields: Readonly<Record<string, string>> = {}, init: RequestInit = {}): Promise<Response> {
  return fetch(`${url}/v1/jobs`, { method: 'POST', body: formWith(wav, fields), ...init });
}

async function take(url: string, fields: Readonly<Record<string, string>> = {}): Promise<JobAnswer> {
  const response = await post(url, fields);
  expect(response.status).toBe(202);
  const job = (await response.json()) as JobAnswer;
  expect(response.headers.get('location')).toBe(`/v1/jobs/${job.id}`);
  return job;
}

async function get(url: string, id: string, rest = ''): Promise<Response> {
  return fetch(`${url}/v1/jobs/${id}${rest}`);
}

/** As a worker does them. */
async function workOn(queue: JobQueue, perform = byScript): Promise<void> {
  const draining = new AbortController().signal;
  await queue.work(perform, { concurrency: 1, untilEmpty: true, draining });
}

function byScript(job: Job, signal: AbortSignal) {
  const speechModel = () => Promise.reject(new Error('nobody asked for it'));
  const about = { version: '7', remote: nothingRemote, onWarning: () => undefined };
  const equipment = { pool: scriptedPool(), speechModel, ffmpeg: undefined, ...about };
  return performJob(job, equipment, signal);
}

describe('a server that takes jobs', () => {
  test('keeps a recording until a worker has done it, and answers then as one that waits for it is answered', async () => {
    const { url, queue } = await startFront();
    const fields = { response_format: 'verbose_json', language: 'en' };
    const { id, ...job } = await take(url, fields);
    expect(job).toMatchObject({ status: 'waiting', file: 'clip.wav', jobs_waiting: 1, error: null });
    expect(await errorOf(await get(url, id, '/results/text'))).toMatchObject({ status: 409, code: 'job_not_finished' });
    await workOn(queue);
    const done = (await (await get(url, id)).json()) as JobAnswer;
    const atOnce = await (await transcribeAt(url, formWith(wav, fields))).json();
    expect(done).toMatchObject({
      status: 'finished',
      duration: expect.closeTo(5.6, 1),
      made_by: { model: 'scripted', version: '7' },
    });
    expect(done.result).toEqual(atOnce);
    for (const response_format of ['srt', 'text', 'whisper_json', 'vtt', 'json']) {
      const result = await get(url, id, `/results/${response_format}`);
      const waited = await transcribeAt(url, formWith(wav, { response_format, language: 'en' }));
      expect([result.headers.get('content-type'), await result.text()], response_format).toEqual([
        waited.headers.get('content-type'),
        await waited.text(),
      ]);
    }
    expect(await errorOf(await get(url, id, '/results/docx'))).toMatchObject({ status: 404, code: 'format_not_found' });
  });

  test('takes what is sent twice once, whichever of two servers it comes to; other fields are another job', async () => {
    const first = await startFront();
    const second = await startFront({}, {}, first.directory);
    const [{ id }, again, other] = [
      await take(first.url),
      await take(second.url),
      await take(first.url, { language: 'de' }),
    ];
    expect(again.id).toBe(id);
    expect(other.id).not.toBe(id);
    expect(id).toMatch(/^job_[0-9a-f]{40}$/);
    expect(await first.queue.counts()).toMatchObject({ waiting: 2 });
    await workOn(first.queue);
    expect(await take(second.url)).toMatchObject({ id, status: 'finished' });
    // Without the secret of its folder nobody who has the recording knows the name of its job.
    const elsewhere = await startFront();
    expect((await take(elsewhere.url)).id).not.toBe(id);
  });

  test('says why a job failed without the path of its recording, and has it tried again when it is sent again', async () => {
    const { url, queue, directory } = await startFront();
    const { id } = await take(url);
    vi.useFakeTimers({ toFake: ['Date'], shouldAdvanceTime: true });
    onTestFinished(() => void vi.useRealTimers());
    await workOn(queue, async (job) => {
      vi.setSystemTime(Date.now() + 3_600_000); // no rest between two tries
      throw new Error(`${job.audio.path} is damaged`);
    });
    const text = await (await get(url, id)).text();
    expect(JSON.parse(text)).toMatchObject({
      status: 'failed',
      failed_tries: 3,
      error: { code: 'unexpected', message: 'clip.wav is damaged' },
      result: null,
    });
    expect(text).not.toContain(directory);
    expect((await take(url)).status).toBe('waiting');
  });

  test('tells of a job in events until its end', async () => {
    const { url, queue } = await startFront();
    const { id } = await take(url);
    const response = await get(url, id, '/events');
    expect(response.headers.get('content-type')).toBe('text/event-stream; charset=utf-8');
    const reading = response.text();
    await workOn(queue, async (job, signal) => {
      await sleep(1200);
      return byScript(job, signal);
    });
    const events = (await reading).split('\n').filter((line) => line.startsWith('event: '));
    expect(events).toEqual(['event: job.waiting', 'event: job.active', 'event: job.finished']);
    expect(await reading).toMatch(/data: \[DONE\]\n\n$/);
    expect(JSON.parse(/event: job.finished\ndata: (.*)/.exec(await reading)?.[1] ?? '')).toMatchObject({
      job: { id, status: 'finished' },
    });
  });

  test('lets those go who watch when it is to end', async () => {
    const { url, server } = await startFront();
    const { id } = await take(url);
    const reading = get(url, id, '/events').then((response) => response.text());
    await expect
      .poll(async () => (await sendRaw(url, 'GET /health HTTP/1.0\r\nHost: localhost\r\n\r\n')).length)
      .toBeGreaterThan(0);
    await sleep(100);
    await server.drain();
    expect(await reading).toMatch(/^event: job.waiting\n/);
  });

  test('cancels a job that is not at its end, and removes one that is', async () => {
    const { url, queue, directory } = await startFront();
    const { id } = await take(url);
    const drop = async () => (await fetch(`${url}/v1/jobs/${id}`, { method: 'DELETE' })).json();
    expect(await drop()).toMatchObject({ id, status: 'cancelled', deleted: false });
    await workOn(queue, () => Promise.reject(new Error('it was cancelled')));
    expect(await take(url)).toMatchObject({ id, status: 'waiting' });
    await workOn(queue);
    expect(await drop()).toEqual({ id, object: 'transcription.job', deleted: true });
    expect(await errorOf(await get(url, id))).toMatchObject({ status: 404, code: 'job_not_found' });
    expect(readdirSync(join(directory, 'jobs'))).toEqual([]);
    expect(await queue.counts()).toMatchObject({ finished: 0, cancelled: 0 });
  });

  test('removes recordings and results some time after the end of their jobs, and not before', async () => {
    const { url, queue, directory, warnings } = await startFront({ keepSeconds: 0.3 });
    const { id } = await take(url);
    await sleep(900);
    expect(existsSync(join(directory, 'jobs', id, 'recording'))).toBe(true);
    await workOn(queue);
    await expect.poll(() => readdirSync(join(directory, 'jobs'))).toEqual([]);
    await expect.poll(async () => (await get(url, id)).status).toBe(404);
    expect(await queue.report(id)).toBeUndefined();
    expect(warnings).toEqual([]);
  });

  test.each([
    ['no recording', undefined, {}, { status: 400, code: 'file_missing', param: 'file' }],
    ['what is none', new Uint8Array([1, 2, 3]), {}, { status: 400, param: 'file' }],
    ['a field that there is not', wav, { beam: '5' }, { status: 400, code: 'option_unknown', param: 'beam' }],
    ['a stream', wav, { stream: 'true' }, { status: 400, code: 'field_unknown', param: 'stream' }],
    ['a model', wav, { model: 'whisper-large-v3' }, { status: 400, code: 'option_senseless', param: 'model' }],
    ['an address', undefined, { file: 'http://127.0.0.1/x.wav' }, { status: 400, code: 'file_missing' }],
  ] as const)('refuses %s and keeps nothing of it', async (_, file, fields, expected) => {
    const { url, directory, queue } = await startFront();
    const response = await fetch(`${url}/v1/jobs`, { method: 'POST', body: formWith(file, fields) });
    expect(await errorOf(response)).toMatchObject(expected);
    expect(readdirSync(join(directory, 'jobs'))).toEqual([]);
    expect(await queue.counts()).toMatchObject({ waiting: 0 });
  });

  test('refuses recordings that are too long, at once or when that turns out', async () => {
    const { url } = await startFront({}, { maxDurationSeconds: 5 });
    expect(await errorOf(await post(url))).toMatchObject({ status: 413, code: 'recording_too_long' });
    const { directory, queue } = await startFront({}, { maxDurationSeconds: 6 });
    const desk = await openJobDesk({
      queue,
      directory,
      keepSeconds: 60,
      maxJobs: 1,
      version: '7.0.1',
      onWarning: () => undefined,
    });
    onTestFinished(() => desk[Symbol.asyncDispose]());
    const path = desk.uploads.newPath();
    writeFileSync(path, wav);
    const { readSpeechRequest } = await import('../../../src/server/openai/fields.ts');
    const { options } = readSpeechRequest({ fields: [] }, 'transcribe');
    const { about } = await desk.take({ file: { path, name: 'a.wav' }, fields: [], options, maxSeconds: 5 });
    const report = await queue.report(about.key);
    await expect(byScript(report?.job as Job, new AbortController().signal)).rejects.toMatchObject({
      code: 'RECORDING_TOO_LONG',
    });
  });

  test('takes no more jobs than it may, and lets no more watch', async () => {
    const { url } = await startFront({ maxJobs: 1 });
    await take(url);
    expect(await errorOf(await post(url, { language: 'de' }))).toMatchObject({ status: 429, code: 'too_many_jobs' });
  });

  test('opens nothing but jobs under their names', async () => {
    const { url, directory } = await startFront();
    const { id: known } = await take(url);
    copyFileSync(join(directory, 'jobs', known, 'about.json'), join(directory, 'about.json'));
    for (const id of ['..', '%2e%2e', '..%2f', 'job_', `job_${'0'.repeat(40)}`, `job_${'0'.repeat(40)}%2f..%2f..`]) {
      const answer = await sendRaw(url, `GET /v1/jobs/${id} HTTP/1.0\r\nHost: localhost\r\n\r\n`);
      expect(answer, id).toMatch(/^HTTP\/1\.1 404 /);
    }
  });

  test('asks for its key, and refuses pages of other origins', async () => {
    const { url } = await startFront({}, { access: { apiKey: 'secret', hosts: [], corsOrigins: [] } });
    for (const [method, path] of [
      ['POST', ''],
      ['GET', '/job_x'],
      ['GET', '/job_x/events'],
      ['GET', '/job_x/results/text'],
      ['DELETE', '/job_x'],
    ])
      expect((await fetch(`${url}/v1/jobs${path}`, { method: method ?? '' })).status, `${method} ${path}`).toBe(401);
    const headers = { authorization: 'Bearer secret', origin: 'https://evil.example' };
    expect((await post(url, {}, { headers })).status).toBe(403);
    expect((await fetch(`${url}/v1/jobs/job_x`, { method: 'DELETE', headers })).status).toBe(403);
    expect((await post(url, {}, { headers: { authorization: 'Bearer secret' } })).status).toBe(202);
  });

  test('describes its routes, and one that takes none has none', async () => {
    const { url } = await startFront();
    const routesOf = async (address: string) => {
      const { paths } = (await (await fetch(`${address}/openapi.json`)).json()) as { paths: Record<string, object> };
      return Object.entries(paths).flatMap(([path, methods]) =>
        path.startsWith('/v1/jobs') ? Object.keys(methods).map((method) => `${method} ${path}`) : [],
      );
    };
    expect((await routesOf(url)).sort()).toEqual([
      'delete /v1/jobs/{id}',
      'get /v1/jobs/{id}',
      'get /v1/jobs/{id}/events',
      'get /v1/jobs/{id}/results/{format}',
      'post /v1/jobs',
    ]);
    const other = await startServer(scriptedPool());
    expect(await routesOf(other.url)).toEqual([]);
    expect((await post(other.url)).status).toBe(404);
  });
});

test('a folder for jobs that cannot be made is said as that', async () => {
  const queue = await openJournalQueue(temporaryFolder());
  const opening = openJobDesk({
    queue,
    directory: '/proc/jobs',
    keepSeconds: 1,
    maxJobs: 1,
    version: '0',
    onWarning: () => undefined,
  });
  await expect(opening).rejects.toMatchObject({ code: 'JOBS_NOT_WRITABLE' });
});
