import { existsSync } from 'node:fs';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { runAtc } from '../../src/convert/atc.ts';
import { convertForNpu } from '../../src/convert/prepare-npu.ts';
import { openCheckpoint } from '../../src/model/checkpoint.ts';
import { writeRandomCheckpoint } from '../support/random-checkpoint.ts';

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

describe('running atc', () => {
  test('keeps all it says, and says its error lines', async () => {
    const failure = runAtc(await atc('echo all well; echo "E10001: no such soc" >&2; exit 3'), ['--x'], log());
    await expect(failure).rejects.toMatchObject({
      code: 'ATC_FAILED',
      message: expect.stringContaining('no such soc'),
    });
    const text = await readFile(log(), 'utf8');
    expect(text).toMatch(/atc --x\n/);
    expect(text).toContain('all well');
  });

  test('says which signal ended it', async () => {
    await expect(runAtc(await atc('kill -9 $$'), [], log())).rejects.toThrow('SIGKILL');
  });

  test('says that it cannot be run', async () => {
    await expect(runAtc(join(root, 'nowhere'), [], log())).rejects.toMatchObject({ code: 'ATC_FAILED' });
  });

  test('ends it and its helpers when it is aborted, however they resist', async () => {
    const stubborn = await atc(
      `trap "" TERM; (trap "" TERM; while :; do touch ${root}/alive; sleep 0.1; done) & while :; do sleep 0.1; done`,
    );
    const aborter = new AbortController();
    const running = expect(runAtc(stubborn, [], log(), aborter.signal)).rejects.toThrow('enough');
    while (!existsSync(join(root, 'alive'))) await sleep(20);
    aborter.abort(new Error('enough'));
    await running;
    await rm(join(root, 'alive'), { force: true });
    await sleep(400);
    expect(existsSync(join(root, 'alive'))).toBe(false);
  }, 20_000);
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
    ['a file that is none', 'for a in "$@"; do case $a in --output=*) echo IMOD > "${a#--output=}.om";; esac; done'],
  ])('by an atc that ends well but writes %s fails, and leaves nothing behind', async (_, script) => {
    await expect(convert(script)).rejects.toMatchObject({
      name: 'ConversionError',
      code: 'ATC_FAILED',
      message: expect.stringContaining('encoder.om'),
    });
    expect(existsSync(join(root, 'logs', 'atc.log'))).toBe(true);
    const { readdir } = await import('node:fs/promises');
    expect(await readdir(join(root, 'prepared', 'random'))).toEqual([]);
  });

  test('into a store that cannot be written says so', async () => {
    await writeFile(join(root, 'store'), 'a file');
    await expect(convert('exit 0', join(root, 'store'))).rejects.toMatchObject({ name: 'ModelError' });
  });
});
