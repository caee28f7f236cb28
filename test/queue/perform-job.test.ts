import { appendFileSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { beforeEach, describe, expect, test } from 'vitest';
import { hashFile } from '../../src/audio/hash-file.ts';
import { AudioError } from '../../src/errors.ts';
import type { Pool } from '../../src/pool/pool.ts';
import type { Equipment } from '../../src/queue/equipment.ts';
import type { Job } from '../../src/queue/job.ts';
import { performJob } from '../../src/queue/perform-job.ts';
import { segment } from '../output/segments.ts';
import { writeClips } from '../support/clips.ts';
import { temporaryFolder } from '../support/temporary.ts';
import { jobNamed, nothingRemote } from './jobs.ts';

const nobody = new AbortController().signal;
let folder: string;
let out: string;
let job: Job;
/** Recordings that were listened to, with what was asked. */
let heard: object[];

const pool = {
  name: 'a-model',
  dtype: 'int8',
  status: () => ({ devices: [{ name: 'a device' }, { name: 'another' }] }),
  async *transcribe(_: unknown, asked: object) {
    heard.push(asked);
    yield segment(0, 0.5, ' Hello.');
  },
} as unknown as Pool;

const equipment: Equipment = {
  pool,
  speechModel: () => Promise.reject(new Error('nobody asked for speech to be found')),
  ffmpeg: undefined,
  version: '9.9.9',
  remote: nothingRemote,
  onWarning: () => undefined,
};

beforeEach(async () => {
  heard = [];
  folder = temporaryFolder();
  out = join(folder, 'out', 'below');
  const [name = ''] = writeClips(folder, 1);
  const path = join(folder, name);
  job = jobNamed('a', {
    audio: { path, name: 'as/written.wav', ...(await hashFile(path)) },
    outputs: { txt: join(out, 'a.txt'), json: join(out, 'a.json') },
    options: { language: 'de', beamSize: 2 },
  });
});

describe('a job', () => {
  test('is transcribed as it asks for, into all of its outputs, and says with what', async () => {
    const result = await performJob(job, equipment, nobody);
    expect(heard).toMatchObject([{ language: 'de', beamSize: 2, timestamps: true }]);
    expect(result).toMatchObject({ model: 'a-model', dtype: 'int8', device: 'a device; another', version: '9.9.9' });
    expect(readFileSync(join(out, 'a.txt'), 'utf8')).toBe('Hello.\n');
    expect(JSON.parse(readFileSync(join(out, 'a.json'), 'utf8'))).toMatchObject({
      file: 'as/written.wav',
      language: 'de',
    });
    expect(readdirSync(out)).toHaveLength(2);
  });

  test('is not done again where all outputs are there, and is where one is missing', async () => {
    await performJob(job, equipment, nobody);
    expect(await performJob(job, equipment, nobody)).not.toHaveProperty('elapsedSeconds');
    expect(heard).toHaveLength(1);
    rmSync(join(out, 'a.json'));
    await performJob(job, equipment, nobody);
    expect(heard).toHaveLength(2);
    expect(readdirSync(out)).toHaveLength(2);
  });

  test('whose recording is another one by now is refused', async () => {
    appendFileSync(job.audio.path, 'more');
    await expect(performJob(job, equipment, nobody)).rejects.toMatchObject({ code: 'JOB_AUDIO_CHANGED' });
    rmSync(job.audio.path);
    await expect(performJob(job, equipment, nobody)).rejects.toBeInstanceOf(AudioError);
    expect(heard).toEqual([]);
  });

  test('that asks for what there is not is refused', async () => {
    const odd = { ...job, options: { sampleLanguage: 'de' } };
    await expect(performJob(odd, equipment, nobody)).rejects.toMatchObject({ code: 'JOB_NOT_UNDERSTOOD' });
  });

  test('that is stopped writes nothing', async () => {
    const stop = new AbortController();
    const stopping = {
      ...equipment,
      pool: {
        ...pool,
        async *transcribe() {
          stop.abort();
          yield segment(0, 0.5, ' Hello.');
        },
      } as unknown as Pool,
    };
    await expect(performJob(job, stopping, stop.signal)).rejects.toMatchObject({ name: 'AbortError' });
    expect(readdirSync(out)).toEqual([]);
  });
});
