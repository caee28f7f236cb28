import { integer, number } from './kinds/numbers.ts';
import { nameOf, plainName, queueAddress } from './kinds/texts.ts';
import { yesOrNo } from './kinds/yes-or-no.ts';
import { option, optionWithDefault } from './option.ts';

const group = 'Queue';
const adding = ['queue add'] as const;
const worker = ['worker'] as const;
const serve = ['serve'] as const;
const doors = [...adding, 'queue status', 'queue results', 'queue cancel', 'queue retry', ...worker, ...serve] as const;
const ofServer = { group, doors: serve, needs: [{ name: 'jobsDir' }] };

/** Recordings as jobs that workers do. */
export const queueOptions = {
  queue: option(queueAddress, {
    group,
    doors,
    env: 'WHISPER_NPU_QUEUE',
    needs: ofServer.needs,
    commonIn: [...adding, ...worker],
    help: 'Keep the jobs in this server, Redis, Valkey or PostgreSQL, for workers on several machines. It needs the package bullmq.',
    defaultText: 'a journal in the store, for workers on this machine',
  }),
  queueName: optionWithDefault(plainName, 'default', {
    group,
    doors,
    flag: 'name',
    needs: ofServer.needs,
    commonIn: [...adding, ...worker],
    help: 'Use the queue of this name. Each has jobs and workers of its own, so each can have another model.',
  }),
  priority: optionWithDefault(integer(-1000, 1000), 0, {
    group,
    doors: adding,
    commonIn: adding,
    help: 'Do these recordings before those with a lower priority.',
  }),
  attempts: optionWithDefault(integer(1, 100), 3, {
    group,
    doors: adding,
    help: 'Try a recording that fails this many times in all; then it stays failed, with its reason.',
  }),
  split: option(yesOrNo, {
    group,
    doors: adding,
    commonIn: adding,
    conflicts: [{ name: 'clips' }],
    because: 'a recording is cut where nobody speaks, and clips are cut already',
    help: 'Have a long recording done in parts of 5 to 10 minutes of speech, cut at its longest pauses, by several workers at a time. The text may differ where it is cut.',
  }),
  all: option(yesOrNo, {
    group,
    doors: ['queue cancel', 'queue retry'],
    help: 'Take all jobs that are not finished; for retry: all that failed or were cancelled.',
  }),
  follow: option(yesOrNo, {
    group,
    doors: ['queue results'],
    help: 'Go on with what ends from now on, until nothing is left or Ctrl-C.',
  }),
  jobs: option(integer(1, 1024), {
    group,
    doors: worker,
    commonIn: worker,
    help: 'Work on this many recordings at a time.',
    defaultText: 'one for each engine on the CPU, --batch-size for each NPU',
  }),
  cacheSize: optionWithDefault(integer(1, 100_000, 'gigabytes'), 20, {
    group,
    doors: worker,
    help: 'Keep recordings that come from S3 in the store, up to this many gigabytes. A recording that is larger is refused.',
  }),
  untilEmpty: option(yesOrNo, {
    group,
    doors: worker,
    commonIn: worker,
    help: 'End when every job is finished, failed or cancelled. The exit code is 1 where one failed here.',
  }),
  anyVersion: option(yesOrNo, {
    group,
    doors: worker,
    help: 'Work on a queue whose jobs were added by another version of the program, or done with another version or model, too.',
  }),
  metricsPort: option(integer(0, 65_535, 'port'), {
    group,
    doors: worker,
    help: 'Answer GET /metrics for Prometheus, /health and /ready over HTTP on this port; 0 takes a free one and says which.',
    defaultText: 'none is opened',
  }),
  metricsHost: optionWithDefault(nameOf('name'), '127.0.0.1', {
    group,
    doors: worker,
    needs: [{ name: 'metricsPort' }],
    help: 'Answer there on this address. There is no key: whoever reaches it sees the figures.',
  }),
  jobsDir: option(nameOf('folder'), {
    group,
    doors: serve,
    commonIn: serve,
    help: 'Take recordings as jobs too (POST /v1/jobs), and keep them and their results in this folder. Workers do them, which find it under the same path.',
    defaultText: 'no jobs are taken',
  }),
  keepJobsSeconds: optionWithDefault(number(1, 31_536_000, 's'), 86_400, {
    ...ofServer,
    flag: 'keep-jobs',
    help: 'Remove the recording and the result of a job this many seconds after its end.',
  }),
  maxJobs: optionWithDefault(integer(1, 10_000_000), 10_000, {
    ...ofServer,
    help: 'Take no more jobs while this many are on their way.',
  }),
};
