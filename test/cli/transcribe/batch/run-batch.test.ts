import { Writable } from 'node:stream';
import { describe, expect, test } from 'vitest';
import type { Session } from '../../../../src/cli/session.ts';
import { openTerminal } from '../../../../src/cli/terminal.ts';
import type { Job } from '../../../../src/cli/transcribe/batch/jobs.ts';
import { runBatch } from '../../../../src/cli/transcribe/batch/run-batch.ts';

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
  const running = runBatch(pending, paths.length, batch, async (job, progress) => {
    if (job !== jobs.at(-1)) return;
    progress.begin(job.input.path, 600);
    progress.reach(83);
    controller.abort();
    controller.signal.throwIfAborted();
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
