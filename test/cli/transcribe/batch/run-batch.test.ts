import { Writable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import type { Session } from '../../../../src/cli/session.ts';
import { openTerminal } from '../../../../src/cli/terminal.ts';
import type { Job } from '../../../../src/cli/transcribe/batch/jobs.ts';
import { type JobTurn, runBatch } from '../../../../src/cli/transcribe/batch/run-batch.ts';
import { AudioError, OutputError } from '../../../../src/errors.ts';

interface Run {
  readonly paths: readonly string[];
  /** How many of them are not finished. */
  readonly nPending?: number;
  readonly overwrite?: boolean;
  readonly toStdout?: boolean;
}

/** Ctrl-C comes in the last file, 83 s from its beginning: what is said then. */
async function interrupted({ paths, nPending = paths.length, overwrite = false, toStdout = false }: Run) {
  let said = '';
  const stream = new Writable({
    write(text, _, done) {
      said += text;
      done();
    },
  });
  const stderr = stream as unknown as NodeJS.WriteStream;
  const controller = new AbortController();
  const session = { stderr, signal: controller.signal } as unknown as Session;
  const jobs = paths.map((path): Job => {
    const outputs = new Map(toStdout ? [] : [['txt', `/nowhere/${path}.txt`] as const]);
    return { input: { path, relativePath: path }, outputs };
  });
  const pending = jobs.slice(jobs.length - nPending);
  const batch = { session, terminal: openTerminal(stderr, false), overwrite, json: false };
  const running = runBatch(pending, paths.length, batch, 1, async ({ job, progress, signal }) => {
    if (job !== jobs.at(-1)) return;
    progress.begin(job.input.path, 600);
    progress.reach(83);
    controller.abort();
    signal.throwIfAborted();
  });
  await expect(running).rejects.toMatchObject({ name: 'AbortError' });
  return said;
}

describe('after Ctrl-C', () => {
  const skips = 'skips what is done and begins with this file';

  test('it is said where that was, and what the same command does', async () => {
    expect(await interrupted({ paths: ['a.wav', 'b.wav'] })).toBe(
      `warning: stopped in b.wav, 1:23 from its beginning (file 2 of 2, 1 done); the same command ${skips}\n`,
    );
    expect(await interrupted({ paths: ['a.wav', 'b.wav'], nPending: 1 })).toContain(skips);
  });

  test('nothing is promised where all would be done again', async () => {
    for (const run of [
      { paths: ['a.wav'] },
      { paths: ['a.wav', 'b.wav'], toStdout: true },
      { paths: ['a.wav', '-'] },
    ]) {
      const said = await interrupted(run);
      expect(said).toContain('stopped in');
      expect(said).not.toContain('same command');
    }
  });

  test('--overwrite is to be left out then', async () => {
    expect(await interrupted({ paths: ['a.wav', 'b.wav'], overwrite: true })).toContain(
      `the same command without --overwrite ${skips}`,
    );
  });
});

describe('several at a time', () => {
  /** Does jobs as told. @returns what was said on either stream, and what came of it */
  async function run(
    atATime: number,
    paths: readonly string[],
    perform: (turn: JobTurn, interrupt: () => void, print: (text: string) => Promise<void>) => Promise<void>,
  ) {
    let [said, printed] = ['', ''];
    const stream = new Writable({
      write(text, _, done) {
        said += text;
        done();
      },
    });
    const stderr = stream as unknown as NodeJS.WriteStream;
    const controller = new AbortController();
    const print = async (text: string) => {
      printed += text;
    };
    const session = { stderr, signal: controller.signal, print } as unknown as Session;
    const jobs = paths.map((path): Job => {
      return { input: { path, relativePath: path }, outputs: new Map([['txt', `/nowhere/${path}.txt`]]) };
    });
    const batch = { session, terminal: openTerminal(stderr, false), overwrite: false, json: true };
    const running = runBatch(jobs, jobs.length, batch, atATime, (turn) =>
      perform(turn, () => controller.abort(), print),
    );
    const [outcome] = await Promise.allSettled([running]);
    const { exitCode } = process;
    process.exitCode = undefined;
    return { said, printed, outcome, exitCode };
  }

  test('are as many as were asked for, and what they say comes in the order of the jobs', async () => {
    let [atWork, most] = [0, 0];
    const waitMs: Record<string, number> = { a: 30, b: 1, c: 10, d: 1 };
    const { printed, outcome } = await run(3, ['a', 'b', 'c', 'd'], async ({ job, speaker }, _, print) => {
      most = Math.max(most, ++atWork);
      const { path } = job.input;
      await speaker.say(() => print(`${path} begins\n`));
      await sleep(waitMs[path]);
      await speaker.say(() => print(`${path} ends\n`));
      atWork--;
    });
    expect(outcome?.status).toBe('fulfilled');
    expect(most).toBe(3);
    expect(printed).toBe(['a', 'b', 'c', 'd'].map((path) => `${path} begins\n${path} ends\n`).join(''));
  });

  test('go on beside one that fails, whose error stands in its place', async () => {
    const { said, printed, exitCode } = await run(2, ['a', 'b', 'c'], async ({ job, speaker }, _, print) => {
      const { path } = job.input;
      await speaker.say(() => print(`${path} begins\n`));
      if (path === 'b') throw new AudioError('AUDIO_EMPTY', 'b: there is nothing in it');
      await sleep(5);
    });
    expect(printed.split('\n')).toEqual([
      'a begins',
      'b begins',
      expect.stringContaining('"file":"b","error":{"code":"AUDIO_EMPTY"'),
      'c begins',
      '',
    ]);
    expect(said).toContain('files: 2 done, 1 failed');
    expect(exitCode).toBe(1);
  });

  test('all stop where one meets what all would meet, and only the cause is told', async () => {
    const { said, printed, outcome } = await run(
      2,
      ['a', 'b', 'c'],
      async ({ job, progress, speaker, signal }, _, print) => {
        progress.begin(job.input.path, 10);
        progress.reach(5);
        await speaker.say(() => print(`${job.input.path} begins\n`));
        if (job.input.path === 'b') throw new OutputError('OUTPUT_DISK_FULL', 'no space is left');
        await sleep(10_000, undefined, { signal });
      },
    );
    expect(outcome).toMatchObject({ status: 'rejected', reason: { code: 'OUTPUT_DISK_FULL', file: 'b' } });
    expect(printed).toBe('a begins\n{"file":"a","notTried":true}\n{"file":"c","notTried":true}\n');
    expect(said).toBe(
      'warning: stopped in a, 0:05 from its beginning; in b, 0:05 from its beginning (0 of 3 files done)\n',
    );
  });

  test('all stop at Ctrl-C, when each has ended, and what was done is printed', async () => {
    const ended: string[] = [];
    const { said, printed, outcome } = await run(
      3,
      ['a', 'b', 'c', 'd'],
      async ({ job, speaker, signal }, interrupt, print) => {
        const { path } = job.input;
        await speaker.say(() => print(`${path}\n`));
        try {
          if (path === 'b') return;
          if (path === 'd') interrupt();
          await sleep(10_000, undefined, { signal });
        } finally {
          await sleep(5);
          ended.push(path);
        }
      },
    );
    expect(outcome).toMatchObject({ status: 'rejected', reason: { name: 'AbortError' } });
    expect(ended.sort()).toEqual(['a', 'b', 'c', 'd']);
    expect(printed).toBe('a\nb\n');
    expect(said).toBe(
      'warning: stopped before a; before c; before d (1 of 4 files done); the same command skips what is done and begins with a\n',
    );
  });
});
