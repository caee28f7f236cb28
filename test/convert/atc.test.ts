import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readdir, readFile, realpath, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { findAtc, runAtc, withLog } from '../../src/convert/atc.ts';
import { convertForNpu } from '../../src/convert/prepare-npu.ts';
import { openCheckpoint } from '../../src/model/checkpoint.ts';
import { writeRandomCheckpoint } from '../support/random-checkpoint.ts';
import { runCli } from '../support/run-cli.ts';

let root: string;
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'whisper-npu-atc-'));
});
afterEach(() => rm(root, { recursive: true, force: true }));

/** A program that plays atc. */
async function atc(script: string): Promise<string> {
  const path = join(root, 'atc');
  await writeFile(path, `#!/bin/sh\n${script}\n`, { mode: 0o755 });
  return path;
}

const log = () => join(root, 'log');
/** Runs atc with a log of its own. */
const run = (atcPath: string, args: readonly string[], signal?: AbortSignal) =>
  withLog(log(), (atcLog) => runAtc(atcPath, args, { folder: root, log: atcLog }, signal));

describe('running atc', () => {
  test('keeps all it says, and says its error lines', async () => {
    const failure = run(await atc('echo all well; echo "E10001: no such soc" >&2; exit 3'), ['--x']);
    await expect(failure).rejects.toMatchObject({
      code: 'ATC_FAILED',
      message: expect.stringContaining('no such soc'),
    });
    const text = await readFile(log(), 'utf8');
    expect(text).toMatch(/atc --x\n/);
    expect(text).toContain('all well');
  });

  test.each([
    ['--soc_version', '--soc_version is invalid', expect.stringMatching(/soc version.*The whole log/)],
    ['another value', '--model is invalid', expect.stringMatching(/^The whole log/)],
  ])('speaks of the soc where atc refuses %s, and only there', async (_, said, hint) => {
    const failure = run(await atc(`echo "E10001: Value x for parameter ${said}"; exit 1`), ['--soc=x']);
    await expect(failure).rejects.toMatchObject({ hint });
  });

  test('keeps it away from the current folder and from ASCEND_WORK_PATH', async () => {
    const before = process.cwd();
    const elsewhere = join(root, 'elsewhere');
    await mkdir(elsewhere);
    process.chdir(elsewhere);
    process.env['BASH_ENV'] = 'x';
    process.env['ASCEND_WORK_PATH'] = elsewhere;
    process.env['PYTHONPATH'] = `${delimiter}.${delimiter}/opt/cann/python`;
    try {
      await run(await atc(`pwd > ${root}/cwd; env > ${root}/env; mkdir kernel_meta`), []);
    } finally {
      process.chdir(before);
      delete process.env['BASH_ENV'];
      delete process.env['ASCEND_WORK_PATH'];
      delete process.env['PYTHONPATH'];
    }
    expect(await readdir(elsewhere)).toEqual([]);
    expect((await readFile(join(root, 'cwd'), 'utf8')).trim()).toBe(await realpath(root));
    const env = (await readFile(join(root, 'env'), 'utf8')).split('\n');
    expect(env).toContain('PYTHONPATH=/opt/cann/python');
    expect(env.join()).not.toMatch(/BASH_ENV|ASCEND_WORK_PATH/);
  });

  test('is not looked for in the current folder', async () => {
    const before = process.cwd();
    await atc('exit 0');
    process.chdir(root);
    try {
      for (const PATH of ['', '.', delimiter])
        await expect(findAtc({ PATH, ASCEND_HOME_PATH: '' })).rejects.toMatchObject({ code: 'ATC_MISSING' });
      await expect(findAtc({ PATH: '', WHISPER_NPU_ATC: 'atc' })).rejects.toMatchObject({ code: 'ATC_MISSING' });
      expect(await findAtc({ PATH: '', WHISPER_NPU_ATC: './atc' })).toBe(join(await realpath(root), 'atc'));
    } finally {
      process.chdir(before);
    }
  });

  test('says which signal ended it', async () => {
    await expect(run(await atc('kill -9 $$'), [])).rejects.toThrow('SIGKILL');
    const afterLines = run(await atc('echo "E19999: no memory"; kill -9 $$'), []);
    await expect(afterLines).rejects.toThrow(/SIGKILL\n.*no memory/);
  });

  test('does not give the words of an earlier run as its reason', async () => {
    const failure = withLog(log(), async (atcLog) => {
      const place = { folder: root, log: atcLog };
      await runAtc(await atc('echo "[ERROR] E10001: of no consequence"'), [], place);
      await runAtc(await atc('echo "E13000: no such file"; exit 1'), [], place);
    });
    await expect(failure).rejects.toMatchObject({ message: expect.not.stringContaining('of no consequence') });
    await expect(failure).rejects.toThrow('no such file');
    expect(await readFile(log(), 'utf8')).toContain('of no consequence');
  });

  test('says that it cannot be run', async () => {
    await expect(run(join(root, 'nowhere'), [])).rejects.toMatchObject({ code: 'ATC_FAILED' });
  });

  test('ends it and its helpers when it is aborted, however they resist', async () => {
    const stubborn = await atc(
      `trap "" TERM; (trap "" TERM; while :; do touch ${root}/alive; sleep 0.1; done) & while :; do sleep 0.1; done`,
    );
    const aborter = new AbortController();
    const running = expect(run(stubborn, [], aborter.signal)).rejects.toThrow('enough');
    while (!existsSync(join(root, 'alive'))) await sleep(20);
    aborter.abort(new Error('enough'));
    await running;
    await rm(join(root, 'alive'), { force: true });
    await sleep(400);
    expect(existsSync(join(root, 'alive'))).toBe(false);
  });
});

describe('convert on the command line, with an atc that does not end when it is told to', () => {
  test.each([
    ['Ctrl-C', ['SIGINT']],
    ['a second Ctrl-C', ['SIGINT', 'SIGINT']],
    ['SIGTERM', ['SIGTERM']],
    ['the end of the terminal', ['SIGHUP']],
  ] as const)('%s ends it too', async (_, signals) => {
    const alive = join(root, 'alive');
    const stubborn = await atc(`trap "" TERM; while :; do touch ${alive}; sleep 0.1; done`);
    await writeRandomCheckpoint(join(root, 'checkpoint'));
    const run = await runCli(['convert', '--soc', 'Ascend910B4', join(root, 'checkpoint')], {
      env: { WHISPER_NPU_HOME: join(root, 'store'), WHISPER_NPU_ATC: stubborn },
      started: async (kill) => {
        while (!existsSync(alive)) await sleep(20);
        for (const signal of signals) {
          kill(signal);
          await sleep(300);
        }
      },
    });
    expect(run.code).toBe(130);
    expect(run.stderr).toContain('interrupted');
    await rm(alive, { force: true });
    await sleep(400);
    expect(existsSync(alive)).toBe(false);
  });
});

describe('a conversion', () => {
  const convert = async (script: string, store = root) => {
    const checkpoint = join(root, 'checkpoint');
    await writeRandomCheckpoint(checkpoint);
    return convertForNpu(
      await openCheckpoint(checkpoint),
      { soc: 'Ascend910B4', dtype: 'f32' },
      { atc: await atc(script), place: { store, model: 'random' }, logPath: join(store, 'logs', 'atc.log') },
    );
  };

  test.each([
    ['no file', 'exit 0'],
    ['a file that is none', `for a in "$@"; do case $a in --output=*) echo IMOD > "\${a#--output=}.om";; esac; done`],
  ])('by an atc that ends well but writes %s fails, and leaves nothing behind', async (_, script) => {
    await expect(convert(script)).rejects.toMatchObject({
      name: 'ConversionError',
      code: 'ATC_FAILED',
      message: expect.stringContaining('encoder.om'),
    });
    expect(existsSync(join(root, 'logs', 'atc.log'))).toBe(true);
    expect(await readdir(join(root, 'prepared', 'random'))).toEqual([]);
  });

  test('into a store that cannot be written says so', async () => {
    await writeFile(join(root, 'store'), 'a file');
    await expect(convert('exit 0', join(root, 'store'))).rejects.toMatchObject({ name: 'ModelError' });
  });
});
