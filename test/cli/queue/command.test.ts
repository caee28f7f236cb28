import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { beforeEach, describe, expect, test } from 'vitest';
import { writeClips } from '../../support/clips.ts';
import { runCli } from '../../support/run-cli.ts';
import { temporaryFolder } from '../../support/temporary.ts';

let folder: string;
let env: Record<string, string>;

beforeEach(() => {
  folder = temporaryFolder();
  env = { WHISPER_NPU_HOME: join(folder, 'store') };
});

const queue = (...args: string[]) => runCli(['queue', ...args], { env });
const statusOf = async (...args: string[]) => JSON.parse((await queue('status', '--json', ...args)).stdout);

describe('queue', () => {
  test('has each recording of a folder once, and says what else there is', async () => {
    const recordings = join(folder, 'in');
    mkdirSync(join(recordings, 'below'), { recursive: true });
    writeClips(recordings, 2);
    writeClips(join(recordings, 'below'), 1);
    const add = ['add', '--json', '-f', 'srt', '-o', join(folder, 'out'), recordings];
    const first = await queue(...add);
    expect([first.code, JSON.parse(first.stdout)]).toMatchObject([0, { added: 3, known: 0, finished: 0, failed: 0 }]);
    expect(JSON.parse((await queue(...add)).stdout)).toMatchObject({ added: 0, known: 3 });
    expect(JSON.parse((await queue(...add, '--beam-size', '2')).stdout)).toMatchObject({ added: 3, known: 0 });
    expect(await statusOf()).toMatchObject({ waiting: 6, active: 0, finished: 0, failures: [] });
    expect(await statusOf('--name', 'other')).toMatchObject({ waiting: 0 });
  });

  test('cancels and takes back jobs by their recording, by how their key begins, or all of them', async () => {
    const names = writeClips(folder, 3).map((name) => join(folder, name));
    expect((await queue('add', '-q', '-o', join(folder, 'out'), ...names)).code).toBe(0);
    expect((await queue('cancel', names[0] ?? '')).stderr).toBe('cancelled: 1\n');
    const { stdout } = await queue('results', '--json');
    const { key, file, state } = JSON.parse(stdout);
    expect([file, state]).toEqual([names[0], 'cancelled']);
    expect((await queue('retry', key.slice(0, 8))).stderr).toBe('to be tried again: 1\n');
    expect((await queue('cancel', '--all', '--json')).stdout).toContain('"cancel":3');
    expect(await statusOf()).toMatchObject({ waiting: 0, cancelled: 3 });
  });

  test('takes what it can, and says what it cannot', async () => {
    const [good = ''] = writeClips(folder, 1).map((name) => join(folder, name));
    const { code, stdout, stderr } = await queue(
      'add',
      '--json',
      '-o',
      join(folder, 'out'),
      good,
      join(folder, 'no.wav'),
    );
    expect(code).toBe(1);
    expect(stderr).toContain('no.wav does not exist');
    const [failed, counts] = stdout
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line));
    expect(failed).toMatchObject({ file: join(folder, 'no.wav'), error: { code: 'AUDIO_NOT_FOUND' } });
    expect(counts).toMatchObject({ added: 1, failed: 1 });
  });

  test.each([
    ['nobody says where results go', ['add', 'a.wav'], 'OUTPUT_DIR_NEEDED'],
    ['nobody says which jobs are meant', ['cancel', '--json'], 'JOBS_NEEDED'],
    ['there is no such job', ['retry', '--json', 'abcdef'], 'JOB_UNKNOWN'],
  ])('ends with 2 where %s', async (_, args, errorCode) => {
    const { code, stdout } = await queue(...args, ...(args.includes('--json') ? [] : ['--json']));
    expect([code, JSON.parse(stdout).error.code]).toEqual([2, errorCode]);
  });

  test('takes no stdin', async () => {
    const { stderr } = await queue('add', '-o', join(folder, 'out'), '-');
    expect(stderr).toContain('stdin cannot be added to a queue: it is no file');
  });
});
