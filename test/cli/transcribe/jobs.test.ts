import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { writeClips } from '../../support/clips.ts';
import { models } from '../../support/models.ts';
import { runCli } from '../../support/run-cli.ts';
import { temporaryFolder } from '../../support/temporary.ts';

const model = ['--model', models.tinyEn ?? '', '--dtype', 'int8', '--threads', '1'];

/** What lies in a folder, by name. */
function contents(folder: string): Record<string, string> {
  return Object.fromEntries(readdirSync(folder).map((name) => [name, readFileSync(join(folder, name), 'utf8')]));
}

describe.skipIf(models.tinyEn === undefined)('a folder of recordings, one of which is none', () => {
  function recordings(): string {
    const folder = temporaryFolder();
    writeClips(folder, 4, 1);
    writeFileSync(join(folder, 'clip-01b.wav'), 'no sound');
    return folder;
  }

  test('gives what it gives one by one, in the same order', async () => {
    const [folder, out] = [recordings(), temporaryFolder()];
    const run = async (name: string, ...args: readonly string[]) => {
      const asked = [...model, '--temperature', '0', ...args];
      const { code, stdout } = await runCli(['transcribe', ...asked, folder]);
      expect(code, name).toBe(1);
      await runCli(['transcribe', '-q', ...asked, '-f', 'srt,json', '-o', join(out, name), folder]);
      return { stdout, files: contents(join(out, name)) };
    };
    const alone = await run('alone', '--device', 'cpu');
    expect(alone.stdout.match(/==> /g)).toHaveLength(4);
    expect(Object.keys(alone.files)).toHaveLength(4 * 2);
    expect(await run('jobs', '--jobs', '3')).toEqual(alone);
    expect(await run('devices', '--device', 'cpu:2x1')).toEqual(alone);
  });

  test('leaves nothing half there after Ctrl-C, and goes on where it was', async () => {
    const [folder, out] = [recordings(), join(temporaryFolder(), 'out')];
    const args = ['transcribe', ...model, '--temperature', '0', '--jobs', '3', '-f', 'txt,srt', '-o', out, folder];
    const { code, stderr } = await runCli(args, {
      when: { text: '3 recordings at a time', act: (kill) => kill('SIGINT') },
    });
    expect(code).toBe(130);
    expect(stderr).toContain('stopped in');
    const names = existsSync(out) ? readdirSync(out) : [];
    expect(names.filter((name) => name.endsWith('.txt')).length).toBe(names.length / 2);
    expect((await runCli(args)).code).toBe(1);
    expect(readdirSync(out)).toHaveLength(8);
  });

  test('names the languages of several in their order', async () => {
    const folder = recordings();
    const { stdout } = await runCli(['transcribe', ...model, '--detect-language', '--jobs', '4', '--json', folder]);
    expect(
      stdout
        .trim()
        .split('\n')
        .map((line) => JSON.parse(line).file.slice(-11)),
    ).toEqual(['clip-00.wav', 'clip-01.wav', 'lip-01b.wav', 'clip-02.wav', 'clip-03.wav']);
  });
});
