import { rmSync, utimesSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { isFinished, type Job, planJobs } from '../../../../src/cli/transcribe/batch/jobs.ts';
import { AudioError } from '../../../../src/errors.ts';
import { outputDate } from '../../../../src/output/files/room.ts';
import { temporaryFolder, touch } from '../../../support/temporary.ts';

const input = (path: string, relativePath = path) => ({ path, relativePath });
const outputs = (jobs: readonly Job[]) => jobs.map((job) => [...job.outputs.values()]);

describe('outputs', () => {
  test('have the name of the recording and the extension of the format, below the output folder', () => {
    const jobs = planJobs([input('talks/a/b.x.wav', 'a/b.x.wav'), input('c')], 'out', ['srt', 'txt']);
    expect(outputs(jobs)).toEqual([
      ['out/a/b.x.srt', 'out/a/b.x.txt'],
      ['out/c.srt', 'out/c.txt'],
    ]);
  });

  test('of recordings that differ in the extension alone keep it', () => {
    const jobs = planJobs([input('a.wav'), input('a.mp3'), input('x/a.mp3')], 'out', ['srt']);
    expect(outputs(jobs).flat()).toEqual(['out/a.wav.srt', 'out/a.mp3.srt', 'out/x/a.srt']);
  });

  test('of a recording named twice are written once', () => {
    expect(planJobs([input('a.wav'), input('./a.wav', 'a.wav')], 'out', ['srt'])).toHaveLength(1);
  });

  test('are none where there is nothing to open', () => {
    const failure = new AudioError('AUDIO_NONE_FOUND', 'nothing there');
    const jobs = planJobs([{ ...input('x', ''), failure }, { ...input('y', ''), failure }, input('a.wav')], 'out', [
      'srt',
    ]);
    expect(outputs(jobs)).toEqual([[], [], ['out/a.srt']]);
  });

  test.each([
    ['two recordings of one name', [input('x/a.wav', 'a.wav'), input('y/a.wav', 'a.wav')], 'y/a.wav'],
    ['an extension kept and a name', [input('a.wav'), input('a.mp3'), input('a.wav.flac')], 'a.wav.srt'],
    ['an output and a recording', [input('out/a.wav', 'a.wav'), input('out/a.srt', 'a.srt.mp3')], 'overwrite'],
  ])('%s that meet are refused before any work', (_, inputs, message) => {
    expect(() => planJobs(inputs, 'out', ['srt'])).toThrow(
      expect.objectContaining({ code: 'OUTPUT_CLASH', message: expect.stringContaining(message) }),
    );
  });
});

describe('a job is finished', () => {
  const prepared = () => {
    const folder = temporaryFolder();
    touch(folder, 'a.wav', 'out/a.srt', 'out/a.txt');
    const [job] = planJobs([input(join(folder, 'a.wav'), 'a.wav')], join(folder, 'out'), ['srt', 'txt']);
    return { folder, job: job as Job };
  };

  test('when all its outputs are there and none is older than the recording', async () => {
    const { folder, job } = prepared();
    expect(await isFinished(job)).toBe(true);
    utimesSync(join(folder, 'out/a.srt'), 1, 1);
    expect(await isFinished(job)).toBe(false);
  });

  test('not when one is missing, nor when the recording is', async () => {
    const { folder, job } = prepared();
    rmSync(join(folder, 'out/a.txt'));
    expect(await isFinished(job)).toBe(false);
    touch(folder, 'out/a.txt');
    rmSync(join(folder, 'a.wav'));
    expect(await isFinished(job)).toBe(false);
  });

  test('never when it reads from stdin or prints to stdout', async () => {
    const { job } = prepared();
    expect(await isFinished({ ...job, input: input('-', 'stdin') })).toBe(false);
    expect(await isFinished({ ...job, outputs: new Map() })).toBe(false);
  });

  test('after it was done, even where the recording is from the future', async () => {
    const { folder, job } = prepared();
    const tomorrow = Date.now() / 1000 + 86_400.123456;
    utimesSync(join(folder, 'a.wav'), tomorrow, tomorrow);
    expect(await isFinished(job)).toBe(false);
    const date = await outputDate(job.input.path);
    for (const path of job.outputs.values()) utimesSync(path, date, date);
    expect(await isFinished(job)).toBe(true);
  });

  test('but not where the recording changed while it was being done', async () => {
    const { folder, job } = prepared();
    const date = await outputDate(job.input.path);
    const changed = Date.now() / 1000 + 5;
    utimesSync(join(folder, 'a.wav'), changed, changed);
    for (const path of job.outputs.values()) utimesSync(path, date, date);
    expect(await isFinished(job)).toBe(false);
  });
});
