import { spawnSync } from 'node:child_process';
import { chmodSync, mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { findProgram, shellCommand, smallEnvironment, toolkitFolders, wholeEnvironment } from '../src/child-program.ts';
import { atcArguments } from '../src/convert/atc.ts';

const before = process.cwd();
let folder: string;
beforeEach(() => {
  folder = realpathSync(mkdtempSync(join(tmpdir(), 'whisper-npu-program-')));
  mkdirSync(join(folder, 'bin'));
  process.chdir(folder);
  for (const path of ['tool', 'bin/tool']) {
    writeFileSync(path, '#!/bin/sh\n');
    chmodSync(path, 0o755);
  }
});
afterEach(() => {
  process.chdir(before);
  rmSync(folder, { recursive: true });
});

describe.skipIf(process.platform === 'win32')('a program', () => {
  const path = (...folders: string[]) => ({ PATH: folders.join(delimiter) });

  test.each([[['']], [['.']], [['bin']], [['', '.', './bin', 'bin/']], [['/nowhere']]])(
    'is not found from the current folder on (%j)',
    async (folders) => {
      expect(await findProgram('tool', path(...folders))).toBeUndefined();
    },
  );

  test('is found in absolute folders, or where a path leads', async () => {
    expect(await findProgram('tool', path('', '.', join(folder, 'bin')))).toBe(join(folder, 'bin', 'tool'));
    expect(await findProgram('./tool', path())).toBe(join(folder, 'tool'));
    expect(await findProgram('tool', {})).toBeUndefined();
  });

  test('is no folder, and no file that may not be executed', async () => {
    mkdirSync('bin/other');
    writeFileSync('bin/data', '');
    expect(await findProgram('other', path(join(folder, 'bin')))).toBeUndefined();
    expect(await findProgram('data', path(join(folder, 'bin')))).toBeUndefined();
  });
});

describe('the environment of a program', () => {
  const lists = {
    PATH: `${delimiter}.${delimiter}/bin`,
    LD_LIBRARY_PATH: delimiter,
    PYTHONPATH: `lib${delimiter}/lib`,
  };
  const startup = { BASH_ENV: 'x', ENV: 'x', NODE_OPTIONS: '--require ./x', PYTHONSTARTUP: 'x', PYTHONHOME: '.' };

  test('that needs little', () => {
    const env = { ...lists, ...startup, HOME: '/home/x', LC_ALL: 'C', LD_PRELOAD: 'x', FFREPORT: 'x', PIP_CERT: '/x' };
    expect(smallEnvironment(env)).toEqual({ PATH: '/bin', HOME: '/home/x', LC_ALL: 'C' });
    expect(smallEnvironment(env, /^PIP_/)).toMatchObject({ PIP_CERT: '/x' });
  });

  test('that needs all: what CANN sets up stays', () => {
    const cann = { ASCEND_OPP_PATH: '/opt/opp', LD_PRELOAD: 'libgomp.so.1' };
    expect(wholeEnvironment({ ...lists, ...startup, ...cann })).toEqual({ PATH: '/bin', PYTHONPATH: '/lib', ...cann });
  });

  test('names the folders of CANN, where they are folders', () => {
    expect(toolkitFolders({ ASCEND_HOME_PATH: '', ASCEND_TOOLKIT_HOME: 'here' })).toEqual([]);
    expect(toolkitFolders({ ASCEND_HOME_PATH: '/opt/cann' })).toEqual(['/opt/cann']);
  });
});

describe.skipIf(process.platform === 'win32')('a command for a shell', () => {
  const said = (command: string) => spawnSync('/bin/sh', ['-c', command], { encoding: 'utf8' }).stdout;

  test('is readable where it can be', () => {
    expect(shellCommand('atc', '--model=a.onnx', '--soc_version=Ascend910B4')).toBe(
      'atc --model=a.onnx --soc_version=Ascend910B4',
    );
  });

  test('takes every word for itself', () => {
    const word = fc.string({ unit: fc.constantFrom(...'a \'"$`\\;&|<>()*?[]{}~!#\n\té-='), maxLength: 12 });
    fc.assert(
      fc.property(fc.array(word, { minLength: 1, maxLength: 3 }), (words) => {
        expect(said(shellCommand('printf', '%s\\0', ...words))).toBe(words.map((text) => `${text}\0`).join(''));
      }),
      { numRuns: 30 },
    );
  });

  test('of atc cannot be taken over by the name of a chip', () => {
    const soc = "Ascend910B4'; touch taken; '$(touch taken)";
    const args = atcArguments({ model: 'a.onnx', output: 'a', soc, externalWeights: false });
    expect(said(`atc() { printf '%s\\n' "$@"; }\n${shellCommand('atc', ...args)}\nls`)).toContain(`=${soc}\n`);
    expect(said('ls')).not.toContain('taken');
  });
});
