import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import {
  chmodSync,
  copyFileSync,
  cpSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  symlinkSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { models } from './support/models.ts';

const root = fileURLToPath(new URL('..', import.meta.url));
const sample = join(root, 'samples', 'espeak-en-16k.wav');

interface Manifest {
  readonly name: string;
  readonly version: string;
  readonly os: readonly string[];
  readonly cpu: readonly string[];
  readonly libc: readonly string[];
  readonly scripts?: Readonly<Record<string, string>>;
  readonly dependencies: Readonly<Record<string, string>>;
  readonly optionalDependencies: Readonly<Record<string, string>>;
}

const manifestOf = (...path: string[]) => JSON.parse(readFileSync(join(...path, 'package.json'), 'utf8')) as Manifest;
const platforms = readdirSync(join(root, 'packages')).map((name) => manifestOf(root, 'packages', name));

describe('the packages', () => {
  test('of platforms have the version of the program, and are for the platform that they are named after', () => {
    const { version } = manifestOf(root);
    for (const platform of platforms) {
      const [, os, cpu, musl] = /^@whisper-npu\/(\w+)-(\w+?)(-musl)?$/.exec(platform.name) ?? [];
      expect(platform).toMatchObject({ version, os: [os], cpu: [cpu], libc: [musl === undefined ? 'glibc' : 'musl'] });
    }
  });

  test('run nothing when they are installed', () => {
    for (const { name, scripts = {} } of [manifestOf(root), ...platforms])
      expect(
        Object.keys(scripts).filter((script) => /^(pre|post)?install$/.test(script)),
        name,
      ).toEqual([]);
  });
});

describe.skipIf(models.base === undefined)('installed from tarballs into an empty project', () => {
  let project: string;
  let installed: string;

  beforeAll(() => {
    project = mkdtempSync(join(tmpdir(), 'whisper-npu-install-'));
    chmodSync(project, 0o755); // for the test of another user
    const npm = (args: readonly string[], cwd = project) => execFileSync('npm', args, { cwd, stdio: 'pipe' });
    const tarballs = join(project, 'tarballs');
    execFileSync(process.execPath, [join(root, 'scripts', 'pack.mjs'), tarballs], { stdio: 'pipe' });
    // The package of this machine's platform, with the addons of this checkout in the place of those of a release.
    const name = `linux-${process.arch}`;
    const platform = join(project, 'platform');
    mkdirSync(platform);
    copyFileSync(join(root, 'packages', name, 'package.json'), join(platform, 'package.json'));
    cpSync(join(root, 'build', 'Release'), platform, { recursive: true });
    npm(['pack', '--pack-destination', tarballs], platform);
    const { version } = manifestOf(root);
    npm(['init', '--yes']);
    const files = [`whisper-npu-${version}.tgz`, `whisper-npu-${name}-${version}.tgz`];
    const flags = ['--ignore-scripts', '--omit=dev', '--no-audit', '--no-fund'];
    npm(['install', ...flags, ...files.map((file) => join(tarballs, file))]);
    mkdirSync(join(project, 'bin'));
    symlinkSync(realpathSync(process.execPath), join(project, 'bin', 'node'));
    installed = join(project, 'node_modules', 'whisper-npu');
  });
  afterAll(() => rmSync(project, { recursive: true, force: true }));

  /** Runs the program with nothing on the PATH but node, and no variable set but those given. */
  function run(args: readonly string[], env: Readonly<Record<string, string>>, user?: number) {
    const child: ChildProcess = spawn(
      join(project, 'bin', 'node'),
      [join(installed, 'dist', 'cli', 'main.js'), ...args],
      {
        cwd: project,
        env: { PATH: join(project, 'bin'), ...env },
        stdio: ['ignore', 'pipe', 'pipe'],
        ...(user === undefined ? {} : { uid: user, gid: user }),
      },
    );
    const output = { stdout: '', stderr: '' };
    child.stdout?.on('data', (text: Buffer) => (output.stdout += text));
    child.stderr?.on('data', (text: Buffer) => (output.stderr += text));
    return new Promise<{ code: number | null; stdout: string; stderr: string }>((resolve, reject) => {
      child.on('error', reject);
      child.on('close', (code) => resolve({ code, ...output }));
    });
  }

  test('names the packages of all platforms as optional dependencies, and nothing that downloads', () => {
    const { dependencies, optionalDependencies, scripts } = manifestOf(installed);
    expect(optionalDependencies).toEqual(Object.fromEntries(platforms.map(({ name, version }) => [name, version])));
    expect(scripts).toBeUndefined();
    expect(Object.keys(dependencies)).not.toContain('onnxruntime-node');
    for (const name of Object.keys(dependencies)) {
      const { scripts: theirs = {} } = manifestOf(project, 'node_modules', name);
      expect(
        Object.keys(theirs).filter((script) => /^(pre|post)?install$/.test(script)),
        name,
      ).toEqual([]);
    }
  });

  test('transcribes', async () => {
    const store = join(project, 'store');
    const args = ['transcribe', '--vad', '--model', models.base ?? '', sample];
    const { code, stdout, stderr } = await run(args, { WHISPER_NPU_HOME: store });
    expect(stderr).not.toMatch(/error|hint/);
    expect(stdout.toLowerCase()).toBe(readFileSync(sample.replace('.wav', '.txt'), 'utf8').toLowerCase());
    expect(code).toBe(0);
  });

  test('is well by its own account, and names no script of a checkout', async () => {
    const { code, stdout } = await run(['doctor', '--json'], { WHISPER_NPU_HOME: join(project, 'store') });
    expect(code).toBe(0);
    const findings = JSON.parse(stdout) as { what: string; state: string; detail: string }[];
    const engine = findings.find(({ what }) => what === 'CPU engine');
    expect(engine).toMatchObject({
      state: 'ok',
      detail: expect.stringContaining(`@whisper-npu/linux-${process.arch} `),
    });
    expect(stdout).not.toMatch(/npm run|scripts\//);
  });

  // Containers run programs as users that /etc/passwd does not know.
  describe.skipIf(process.getuid?.() !== 0)('as a user without a name and a home folder', () => {
    const nobody = 54_321;

    test('says where to put models', async () => {
      const { code, stderr } = await run(['transcribe', '--offline', sample], {}, nobody);
      expect(stderr).toMatch(/^error: there is no folder for models.*\n.*WHISPER_NPU_HOME/m);
      expect(stderr).not.toContain('    at ');
      expect(code).toBe(4);
    });

    test('shows its help, and its doctor tells', async () => {
      expect(await run(['--help'], {}, nobody)).toMatchObject({ code: 0, stderr: '' });
      const { stdout, stderr } = await run(['doctor'], {}, nobody);
      expect(stdout).toContain('WHISPER_NPU_HOME');
      expect(stdout + stderr).not.toContain('    at ');
    });
  });
});
