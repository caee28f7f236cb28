import { spawnSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { temporaryFolder } from '../audio/wav-bytes.ts';
import { built } from '../support/build-dist.ts';
import { runCli } from '../support/run-cli.ts';

const name = 'a\x1b[31m\x9b2J\u202e\nerror: b.wav';
const shown = 'a\\u001b[31m\\u009b2J\\u202e\\nerror: b.wav';
/** Line ends alone may be sent. */
const active = /[^\P{Cc}\n]|[\u2028-\u202e]/u;

describe('a file with a name that would control the terminal', () => {
  test('is named harmlessly where it is missing, empty or one of many; programs get its name as it is', async () => {
    using folder = temporaryFolder();
    folder.write(name, Buffer.alloc(0));
    folder.write('text.wav', Buffer.from('text'));
    const commands = [
      [`missing-${name}`],
      [join(folder.path, name)],
      [folder.path],
      ['--json', folder.path],
      ['--json', '-o', join(folder.path, `out-${name}`), join(folder.path, name)],
    ];
    for (const args of commands) {
      const { stdout, stderr, code } = await runCli(['transcribe', ...args]);
      expect(code).not.toBe(0);
      expect(stderr).toContain(shown);
      expect(stderr).not.toMatch(active);
      expect(stderr).not.toMatch(/^error: b/m);
      if (args[0] !== '--json') continue;
      const files = stdout
        .trim()
        .split('\n')
        .map((line) => (JSON.parse(line) as { file: string }).file);
      expect(files).toContain(join(folder.path, name));
    }
  });

  test('is named harmlessly where it is taken for an option or a model', async () => {
    for (const args of [
      [`--${name}`],
      ['transcribe', `--${name}`],
      ['models', 'remove', name],
      ['pull', name],
      [name],
    ]) {
      const { stderr } = await runCli(args);
      expect(stderr).toContain(shown);
      expect(stderr).not.toMatch(active);
    }
  });
});

test('a tensor with such a name is named harmlessly', async () => {
  using folder = temporaryFolder();
  const string = (text: string) => {
    const bytes = Buffer.from(`${text}\0`);
    return Buffer.concat([Buffer.from(Uint16Array.of(bytes.length).buffer), bytes]);
  };
  const u32 = (...values: number[]) => Buffer.from(Uint32Array.from(values).buffer);
  const variable = Buffer.concat([string(name), Buffer.from([1]), u32(1), Buffer.from([99]), u32(4, 0)]);
  const model = join(folder.path, 'model');
  mkdirSync(model);
  writeFileSync(join(model, 'model.bin'), Buffer.concat([u32(6), string('WhisperSpec'), u32(3, 1), variable]));
  for (const file of ['config.json', 'tokenizer.json']) writeFileSync(join(model, file), '{}');
  const { stderr, code } = await runCli(['transcribe', '--model', model, 'samples/espeak-en-16k.wav']);
  expect(code).toBe(4);
  expect(stderr).toContain(shown);
  expect(stderr).not.toMatch(active);
});

const isPtyThere = spawnSync('python3', ['-c', 'import pty']).status === 0;
test.skipIf(!isPtyThere)('results on a terminal are shown harmlessly, too', () => {
  using folder = temporaryFolder();
  const home = join(folder.path, name);
  const program = 'import pty, sys; pty.spawn(sys.argv[1:])';
  const args = ['-c', program, process.execPath, fileURLToPath(built('cli/main.js')), 'models', 'list'];
  const { stdout } = spawnSync('python3', args, { encoding: 'utf8', env: { ...process.env, WHISPER_NPU_HOME: home } });
  expect(stdout).toContain(shown);
  expect(stdout.replaceAll('\r', '')).not.toMatch(active);
});
