import { describe, expect, test } from 'vitest';
import { jobKey } from '../../src/queue/job.ts';
import { readWishes } from '../../src/queue/job-options.ts';
import { jobNamed } from './jobs.ts';

const none = () => undefined;

describe('the key of a job', () => {
  const job = jobNamed('a', {
    outputs: { txt: '/out/a.txt', srt: '/out/a.srt' },
    options: { beamSize: 5, task: 'translate' },
  });

  test('is the same for the same recording and wishes, in whatever order they are said', () => {
    const said = {
      ...job,
      outputs: { srt: '/out/a.srt', txt: '/out/a.txt' },
      options: { task: 'translate', beamSize: 5 },
    };
    expect(jobKey(said)).toBe(jobKey(job));
    expect(jobKey({ ...job, audio: { ...job.audio, path: '/moved/a.wav' } } as typeof job)).toBe(jobKey(job));
  });

  test('is another one for another content, another wish or another place', () => {
    const others = [
      { ...job, audio: { ...job.audio, sha256: '1'.repeat(64) } },
      { ...job, options: { ...job.options, beamSize: 4 } },
      { ...job, outputs: { txt: '/out/a.txt' } },
    ];
    expect(new Set([job, ...others].map(jobKey)).size).toBe(4);
  });
});

describe('what a job asks for', () => {
  test('has the defaults of what it does not say', () => {
    expect(readWishes({ beamSize: 5 }, none)).toMatchObject({ beamSize: 5, task: 'transcribe', channel: 'mix' });
  });

  test.each([[{ beamSize: 'many' }], [{ beam_size: 5 }], [{ constructor: 1 }]])(
    'is refused where it is nothing that this version knows: %j',
    (wishes) => {
      expect(() => readWishes(wishes, none)).toThrow(expect.objectContaining({ code: 'JOB_NOT_UNDERSTOOD' }));
    },
  );
});
