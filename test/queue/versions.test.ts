import { describe, expect, test } from 'vitest';
import { JobError } from '../../src/errors.ts';
import { isAboutJob } from '../../src/queue/failure.ts';
import { checkAlike, checkVersion } from '../../src/queue/versions.ts';
import { jobNamed } from './jobs.ts';

const by = { model: 'whisper-base', modelHash: 'aaaa', dtype: 'int8', device: 'a CPU', version: '1.2.3' };

describe('a worker', () => {
  test.each([
    ['nobody has done anything', undefined],
    [
      'another build of its version did the last job, elsewhere',
      { ...by, version: '1.2.9-rc.1', device: 'an NPU', dtype: 'float16' },
    ],
    ['nothing is known of the weights', { ...by, modelHash: undefined }],
    ['the same weights have another name', { ...by, model: 'a-folder-1234' }],
  ])('works where %s', (_, last) => {
    expect(() => checkAlike(last, by)).not.toThrow();
  });

  test.each([
    ['another version', { ...by, version: '1.3.0' }, 'version 1.3.0 with whisper-base (aaaa)'],
    ['another model', { ...by, model: 'whisper-small', modelHash: undefined }, 'whisper-small'],
    ['the same model with other weights', { ...by, modelHash: 'bbbb' }, 'whisper-base (bbbb)'],
  ])('does not where %s did the last job', (_, last, said) => {
    expect(() => checkAlike(last, by)).toThrow(
      expect.objectContaining({ code: 'WORKER_DIFFERS', message: expect.stringContaining(said) }),
    );
  });

  test('does no jobs that another version added, which is not held against them', () => {
    expect(() => checkVersion(jobNamed('a'), '1.2.3')).not.toThrow();
    expect(() => checkVersion(jobNamed('a', { version: '1.2.0' }), '1.2.3')).not.toThrow();
    expect(() => checkVersion(jobNamed('a', { version: '2.2.3' }), '1.2.3')).toThrow(
      'a.wav was added by version 2.2.3',
    );
    expect(isAboutJob(new JobError('JOB_OTHER_VERSION', 'x'))).toBe(false);
  });
});
