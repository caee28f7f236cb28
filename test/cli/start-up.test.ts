import { spawn } from 'node:child_process';
import { existsSync, openSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { describe, expect, test } from 'vitest';
import { built } from '../support/build-dist.ts';
import { models } from '../support/models.ts';
import { temporaryFolder } from '../support/temporary.ts';

const cli = fileURLToPath(built('cli/main.js'));
const sample = fileURLToPath(new URL('../../samples/espeak-en-16k.wav', import.meta.url));

/** Runs a program. @param stderr a file for it, by default what is returned */
async function run(command: string, args: readonly string[], stderr?: number) {
  const child = spawn(command, args, {
    stdio: ['ignore', 'pipe', stderr ?? 'pipe'],
    env: { ...process.env, NO_COLOR: '1' },
  });
  const texts = { stdout: '', stderr: '' };
  for (const name of ['stdout', 'stderr'] as const)
    child[name]?.setEncoding('utf8').on('data', (text: string) => {
      texts[name] += text;
    });
  const ended = new Promise<{ code: number | null; signal: NodeJS.Signals | null }>((resolve) =>
    child.on('close', (code, signal) => resolve({ code, signal })),
  );
  return { child, result: async () => ({ ...(await ended), ...texts }) };
}

describe('a signal that comes while the program is still loaded', () => {
  test.each(['SIGTERM', 'SIGINT'] as const)('ends it as later: %s', async (signal) => {
    const folder = temporaryFolder();
    const marker = join(folder, 'loading');
    // Loading stands still where the program asks for its first package.
    const hooks = `
      import { writeFileSync } from 'node:fs';
      export async function resolve(specifier, context, next) {
        if (specifier !== 'commander') return next(specifier, context);
        writeFileSync(${JSON.stringify(marker)}, '');
        await new Promise((resolve) => setTimeout(resolve, 1e9));
      }`;
    const preload = join(folder, 'preload.mjs');
    writeFileSync(join(folder, 'hooks.mjs'), hooks);
    const address = JSON.stringify(pathToFileURL(join(folder, 'hooks.mjs')).href);
    writeFileSync(preload, `import { register } from 'node:module';\nregister(${address});`);
    const { child, result } = await run(process.execPath, ['--import', pathToFileURL(preload).href, cli, '--help']);
    while (!existsSync(marker)) await sleep(5);
    child.kill(signal);
    expect(await result()).toEqual({ code: 130, signal: null, stdout: '', stderr: 'interrupted\n' });
  });
});

describe.skipIf(process.platform === 'win32')('few file descriptors', () => {
  test.each([24, 32, 48])('(%d) end in one clear line, and what to do', async (count) => {
    const script = `ulimit -n ${count}; exec "$0" "$@"`;
    const { result } = await run('sh', ['-c', script, process.execPath, cli, 'models', 'list']);
    const { code, stdout, stderr } = await result();
    expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
    expect(stderr).toMatch(
      /^error: too many files are open, so \S+ cannot be \[TOO_MANY_FILES\]\nhint: allow more of them: ulimit -n 1024\n$/,
    );
  });
});

describe.skipIf(models.tinyEn === undefined)('transcribe', () => {
  const args = [cli, 'transcribe', '--device', 'cpu', '--model', models.tinyEn ?? '', sample];

  test('SIGTERM ends it with 130, and prints no half result', async () => {
    const { child, result } = await run(process.execPath, args);
    child.stderr?.on('data', () => child.kill('SIGTERM'));
    const { code, signal, stdout, stderr } = await result();
    expect({ code, signal, stdout }).toEqual({ code: 130, signal: null, stdout: '' });
    expect(stderr).toMatch(/interrupted\n$/);
  });

  test.skipIf(!existsSync('/dev/full'))('gives its text although what it says beside it cannot be kept', async () => {
    const { result } = await run(process.execPath, args, openSync('/dev/full', 'w'));
    const { code, stdout } = await result();
    expect(code).toBe(0);
    expect(stdout).toContain('neural processing unit');
  });
});
