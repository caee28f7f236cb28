import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeEach, describe, expect, test } from 'vitest';
import { hashFile } from '../../../src/audio/hash-file.ts';
import type { PoolTranscribeOptions } from '../../../src/pool/pool.ts';
import type { Equipment } from '../../../src/queue/equipment.ts';
import { type Job, type JobResult, jobKey, type Outcome } from '../../../src/queue/job.ts';
import { performJob } from '../../../src/queue/perform-job.ts';
import type { Recording } from '../../../src/transcribe/log-mel-source.ts';
import type { SpeechModel } from '../../../src/vad/speech-model.ts';
import { wavBytes } from '../../audio/wav-bytes.ts';
import { segment } from '../../output/segments.ts';
import { temporaryFolder } from '../../support/temporary.ts';
import { jobNamed, nothingRemote } from '../jobs.ts';

const sampleRate = 16_000;
const nobody = new AbortController().signal;
let folder: string;
let job: Job;
/** What was listened to: from where, and for how long. */
let heard: string[];
let languagesAsked: (string | undefined)[];

/** Hears a second of tone as a word that says when it was. */
const pool = {
  name: 'a-model',
  dtype: 'int8',
  status: () => ({ devices: [{ name: 'a device' }] }),
  detectLanguage: async () => [{ language: 'de', probability: 0.75 }],
  async *transcribe({ offsetSeconds = 0, samples }: Recording, asked: PoolTranscribeOptions) {
    let length = 0;
    for await (const block of samples()) length += block.length / sampleRate;
    heard.push(`${offsetSeconds}+${length}`);
    languagesAsked.push(asked.language);
    asked.onDuration?.(length);
    yield segment(offsetSeconds, offsetSeconds + length, ` From ${offsetSeconds}.`);
  },
} as unknown as Equipment['pool'];

/** Takes all sound for speech. */
const speechModel: SpeechModel = {
  listen: () => ({
    async push(block: Float32Array) {
      return Float32Array.from({ length: block.length / 512 }, (_, i) => (block[512 * i + 256] === 0 ? 0 : 1));
    },
  }),
} as unknown as SpeechModel;

const equipment: Equipment = {
  pool,
  speechModel: async () => speechModel,
  ffmpeg: undefined,
  version: '9.9.9',
  remote: nothingRemote,
  partLimits: { leastSeconds: 2, mostSeconds: 4 },
  onWarning: () => undefined,
};

const perform = (each: Job) => performJob(each, equipment, nobody);
const partsIn = (outcome: Outcome) => ('parts' in outcome ? outcome.parts : []);

/** A tone with pauses in it. @param lengths of sound and silence in turn, in seconds */
function tones(...lengths: number[]): Float32Array {
  const samples = lengths.flatMap((seconds, i) =>
    Array.from({ length: seconds * sampleRate }, (_, j) => (i % 2 === 0 ? 0.5 * Math.sin(j / 3 + 1) || 0.1 : 0)),
  );
  return Float32Array.from(samples);
}

beforeEach(async () => {
  heard = [];
  languagesAsked = [];
  folder = temporaryFolder();
  const path = join(folder, 'long.wav');
  writeFileSync(path, wavBytes({ sampleRate, channels: [tones(3, 1, 3, 2, 3)] }));
  const outputs = { txt: join(folder, 'out', 'long.txt'), json: join(folder, 'out', 'long.json') };
  const about = { audio: { path, name: 'long.wav', ...(await hashFile(path)) }, outputs };
  const asked = { ...about, options: {}, split: true as const };
  job = jobNamed('long', { ...asked, key: jobKey(asked) });
});

describe('a long recording', () => {
  test('is done in parts and put together as one, with its own times, and nothing else is left', async () => {
    const parts = partsIn(await perform(job));
    expect(parts).toHaveLength(3);
    expect(new Set(parts.map(({ key }) => key)).size).toBe(3);
    for (const part of parts) expect(part).toMatchObject({ key: jobKey(part), options: { language: 'de' } });
    for (const part of [...parts].reverse()) await perform(part);
    // Cut in the middle of the pauses, by the windows of 32 ms that the detector hears.
    const offsets = heard.map((text) => Number(text.split('+')[0])).sort((a, b) => a - b);
    for (const [i, seconds] of [0, 3.5, 8].entries()) expect(Math.abs((offsets[i] ?? 99) - seconds)).toBeLessThan(0.2);
    expect(heard.reduce((sum, text) => sum + Number(text.split('+')[1]), 0)).toBeCloseTo(12, 3);
    expect(languagesAsked).toEqual(['de', 'de', 'de']);

    const result = (await perform(job)) as JobResult;
    expect(result).toMatchObject({ model: 'a-model', device: 'a device', language: 'de', audioSeconds: 12, nParts: 3 });
    const json = JSON.parse(readFileSync(join(folder, 'out', 'long.json'), 'utf8'));
    expect(json).toMatchObject({ file: 'long.wav', language: 'de', language_probability: 0.75, duration: 12 });
    expect(json.segments.map(({ id, start }: { id: number; start: number }) => [id, start])).toEqual(
      offsets.map((start, i) => [i, start]),
    );
    expect(readFileSync(join(folder, 'out', 'long.txt'), 'utf8').split('\n')).toHaveLength(4);
    expect(readdirSync(join(folder, 'out'))).toHaveLength(2);
  });

  test('asks only for what is missing, of the plan that was made first', async () => {
    const parts = partsIn(await perform(job));
    await perform(parts[1] as Job);
    const other = { ...equipment, partLimits: { leastSeconds: 1, mostSeconds: 2 } };
    expect(partsIn(await performJob(job, other, nobody))).toEqual([parts[0], parts[2]]);
    // What is there is not heard again.
    await perform(parts[1] as Job);
    expect(heard).toHaveLength(1);
  });

  test('that is finished leaves nothing to do for a part that comes late', async () => {
    const parts = partsIn(await perform(job));
    for (const part of parts) await perform(part);
    await perform(job);
    await perform(parts[0] as Job);
    await perform(job);
    expect(heard).toHaveLength(3);
    expect(readdirSync(join(folder, 'out'))).toHaveLength(2);
  });

  test('with little speech in it is done at once', async () => {
    const short = { ...equipment, partLimits: { leastSeconds: 10, mostSeconds: 20 } };
    expect(await performJob(job, short, nobody)).toMatchObject({ audioSeconds: 12 });
    expect(heard).toEqual(['0+12']);
    expect(readdirSync(join(folder, 'out'))).toHaveLength(2);
  });

  test('whose parts are none that this version knows is refused', async () => {
    const [part] = partsIn(await perform(job));
    writeFileSync(part?.part?.path ?? '', '{"segments":[{}]}');
    await expect(perform(job)).rejects.toMatchObject({ code: 'JOB_NOT_UNDERSTOOD' });
  });
});
