import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeEach, describe, expect, onTestFinished, test } from 'vitest';
import type { Equipment } from '../../../src/queue/equipment.ts';
import type { Job } from '../../../src/queue/job.ts';
import { performJob } from '../../../src/queue/perform-job.ts';
import { audioCache } from '../../../src/queue/s3/audio-cache.ts';
import { openS3, type S3Objects } from '../../../src/queue/s3/objects.ts';
import { segment } from '../../output/segments.ts';
import { writeClips } from '../../support/clips.ts';
import { runCli } from '../../support/run-cli.ts';
import { temporaryFolder } from '../../support/temporary.ts';
import { jobNamed } from '../jobs.ts';
import { type S3Server, startS3 } from './s3-server.ts';

const nobody = new AbortController().signal;
let server: S3Server;
let objects: S3Objects;
let folder: string;
let equipment: Equipment;
let nHeard: number;

const pool = {
  name: 'a-model',
  dtype: 'int8',
  status: () => ({ devices: [{ name: 'a device' }] }),
  async *transcribe() {
    nHeard++;
    yield segment(0, 0.5, ' Hello.');
  },
} as unknown as Equipment['pool'];

beforeEach(async () => {
  nHeard = 0;
  server = await startS3();
  onTestFinished(() => server.stop());
  objects = await openS3(server.env);
  folder = temporaryFolder();
  equipment = {
    pool,
    speechModel: () => Promise.reject(new Error('nobody asked for speech to be found')),
    ffmpeg: undefined,
    version: '9.9.9',
    remote: { objects: async () => objects, cache: audioCache(join(folder, 'cache'), 1e9) },
    onWarning: () => undefined,
  };
});

/** Puts a clip into the bucket. */
async function putClip(place: string): Promise<void> {
  const [name = ''] = writeClips(folder, 1);
  await objects.create(place, new Uint8Array(readFileSync(join(folder, name))));
}

/** A job about an object, with its outputs somewhere. */
async function jobAbout(place: string, outputs: Job['outputs']): Promise<Job> {
  const found = await objects.find(place);
  if (found === undefined) throw new Error('it is there');
  const { sizeBytes, etag, changedMs } = found;
  const audio = { path: place, name: place, sha256: '7'.repeat(64), sizeBytes, object: { etag, changedMs } };
  return jobNamed('a', { audio, outputs });
}

const textOf = async (place: string) => {
  const found = await objects.find(place);
  return found && (await objects.read(found, { start: 0, end: found.sizeBytes }))?.toString();
};

describe('a job whose recording lies in S3', () => {
  test('is done into S3 once, with every third request failing', async () => {
    await putClip('s3://bucket/in/a.wav');
    const job = await jobAbout('s3://bucket/in/a.wav', { txt: 's3://bucket/out/a.txt', srt: 's3://bucket/out/a.srt' });
    server.failEvery(3);
    expect(await performJob(job, equipment, nobody)).toMatchObject({ model: 'a-model' });
    expect(await performJob(job, equipment, nobody)).not.toHaveProperty('elapsedSeconds');
    expect(nHeard).toBe(1);
    expect(await textOf('s3://bucket/out/a.txt')).toBe('Hello.\n');
    expect(await textOf('s3://bucket/out/a.srt')).toContain('-->');
  });

  test('is done into files, and what somebody else wrote first stays', async () => {
    await putClip('s3://bucket/in/a.wav');
    const out = join(folder, 'out', 'a.txt');
    const job = await jobAbout('s3://bucket/in/a.wav', { txt: out, srt: join(folder, 'out', 'a.srt') });
    await performJob({ ...job, outputs: { txt: out } }, equipment, nobody);
    writeFileSync(out, 'by another');
    await performJob(job, equipment, nobody);
    expect(readFileSync(out, 'utf8')).toBe('by another');
  });

  test('is refused where the object is another one by now, or gone', async () => {
    const place = 's3://bucket/in/a.wav';
    await putClip(place);
    const job = await jobAbout(place, { txt: 's3://bucket/out/a.txt' });
    await objects.create(place, new Uint8Array(4), await objects.find(place));
    await expect(performJob(job, equipment, nobody)).rejects.toMatchObject({ code: 'JOB_AUDIO_CHANGED' });
    await objects.remove(place);
    await expect(performJob(job, equipment, nobody)).rejects.toMatchObject({ code: 'JOB_AUDIO_CHANGED' });
  });
});

test('queue add takes the recordings below a key, with their tree, and leaves out what is finished', async () => {
  for (const key of ['in/a.wav', 'in/deep/b.wav', 'in/.hidden/c.wav', 'in/../../up.wav', 'inside/d.wav'])
    await putClip(`s3://bucket/${key}`);
  await objects.create('s3://bucket/in/notes', new Uint8Array(Buffer.from('no sound at all')));
  await objects.create('s3://bucket/out/a.txt', new Uint8Array(4));
  const env = { ...server.env, WHISPER_NPU_HOME: join(folder, 'store') };
  const add = await runCli(['queue', 'add', '--json', '-o', 's3://bucket/out/', 's3://bucket/in'], { env });
  expect(add.stderr).toContain('1 file that is no recording is passed over');
  expect(JSON.parse(add.stdout)).toMatchObject({ added: 1, finished: 1, failed: 0 });
  const { stdout } = await runCli(['queue', 'cancel', '--json', 's3://bucket/in/deep/b.wav'], { env });
  expect(stdout).toContain('"cancel":1');
  const results = JSON.parse((await runCli(['queue', 'results', '--json'], { env })).stdout);
  expect(results).toMatchObject({ file: 's3://bucket/in/deep/b.wav', state: 'cancelled' });
});
