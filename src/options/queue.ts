import { integer } from './kinds/numbers.ts';
import { plainName, queueAddress } from './kinds/texts.ts';
import { yesOrNo } from './kinds/yes-or-no.ts';
import { option, optionWithDefault } from './option.ts';

const group = 'Queue';
const adding = ['queue add'] as const;
const worker = ['worker'] as const;
const doors = [...adding, 'queue status', 'queue results', 'queue cancel', 'queue retry', ...worker] as const;

/** Recordings as jobs that workers do. */
export const queueOptions = {
  queue: option(queueAddress, {
    group,
    doors,
    env: 'WHISPER_NPU_QUEUE',
    commonIn: [...adding, ...worker],
    help: 'Keep the jobs in this server, Redis, Valkey or PostgreSQL, for workers on several machines. It needs the package bullmq.',
    defaultText: 'a journal in the store, for workers on this machine',
  }),
  queueName: optionWithDefault(plainName, 'default', {
    group,
    doors,
    flag: 'name',
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
  untilEmpty: option(yesOrNo, {
    group,
    doors: worker,
    commonIn: worker,
    help: 'End when every job is finished, failed or cancelled. The exit code is 1 where one failed here.',
  }),
};
