import { spawnSync } from 'node:child_process';
import { mkdirSync, readdirSync, readFileSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { parseSrt, parseVtt } from '../../output/subtitle-parser.ts';
import { built } from '../../support/build-dist.ts';
import { writeClips } from '../../support/clips.ts';
import { models } from '../../support/models.ts';
import { runCli } from '../../support/run-cli.ts';
import { temporaryFolder, touch } from '../../support/temporary.ts';

const sample = 'samples/espeak-en-16k.wav';

describe('before any work', () => {
  const env = { WHISPER_NPU_HOME: '/nonexistent/store' };

  test.each([
    ['several formats for stdout', ['-f', 'srt,vtt', sample], '--output-dir'],
    ['several recordings for one srt', ['-f', 'srt', sample, 'b.wav'], '--output-dir'],
    ['a format nobody knows', ['-f', 'srt,docx', sample], 'txt, srt'],
    ['outputs that would meet', ['-o', 'out', 'x/a.wav', 'y/a.wav'], 'out/a.wav.txt'],
    ['a list that is not there', ['--files-from', 'no-such-list'], 'no-such-list'],
    ['a list and a recording on stdin', ['--files-from', '-', '-'], 'only once'],
    ['a width of nothing', ['--max-line-width', '0', sample], 'whole number'],
  ])('%s end with 2 and a hint', async (_, args, message) => {
    const { code, stdout, stderr } = await runCli(['transcribe', ...args], { env });
    expect(code).toBe(2);
    expect(stdout).toBe('');
    expect(stderr).toContain(message);
  });

  test('objects and a format for stdout end likewise, with the error as an object', async () => {
    const { code, stdout } = await runCli(['transcribe', '--json', '-f', 'srt', sample], { env });
    expect(code).toBe(2);
    expect(JSON.parse(stdout).error).toMatchObject({ code: 'OUTPUT_DIR_NEEDED' });
  });

  test('a folder without audio ends with 3', async () => {
    const { code, stderr } = await runCli(['transcribe', temporaryFolder()], { env });
    expect(code).toBe(3);
    expect(stderr).toContain('no audio file');
  });

  test('an empty list is nothing to do', async () => {
    const list = { env, stdin: Buffer.from('\n') };
    const { code, stdout, stderr } = await runCli(['transcribe', '--files-from', '-'], list);
    expect([code, stdout]).toEqual([0, '']);
    expect(stderr).toContain('the list of files on stdin is empty');
  });
});

describe.skipIf(models.tinyEn === undefined)('outputs of whisper-tiny.en', () => {
  const tiny = ['transcribe', '--model', models.tinyEn ?? ''];
  const run = (...args: string[]) => runCli([...tiny, ...args]);
  const inodes = (folder: string) => readdirSync(folder).map((name) => [name, statSync(join(folder, name)).ino]);

  test('all formats are written, skipped on the next run, and done again when asked for or out of date', async () => {
    const out = join(temporaryFolder(), 'new', 'folder');
    const first = await run('-f', 'all', '-o', out, sample);
    expect([first.code, first.stdout]).toEqual([0, '']);
    const extensions = ['csv', 'json', 'lrc', 'srt', 'tsv', 'txt', 'vtt'];
    expect(readdirSync(out).sort()).toEqual(extensions.map((extension) => `espeak-en-16k.${extension}`));
    const read = (extension: string) => readFileSync(join(out, `espeak-en-16k.${extension}`), 'utf8');
    expect(parseSrt(read('srt'))).toEqual(parseVtt(read('vtt')));
    expect(JSON.parse(read('json')).text.trim()).toBe(read('txt').trim().split('\n').join(' '));

    const written = inodes(out);
    const second = await run('-f', 'all', '-o', out, sample);
    expect(second.code).toBe(0);
    expect(second.stderr).toContain('finished already');
    expect(second.stderr).not.toContain('device CPU');
    expect(inodes(out)).toEqual(written);

    await run('-f', 'all', '-o', out, '--overwrite', sample);
    const again = inodes(out);
    expect(again).not.toEqual(written);

    utimesSync(join(out, 'espeak-en-16k.lrc'), 1, 1);
    await run('-f', 'all', '-o', out, sample);
    expect(inodes(out)).not.toEqual(again);
  });

  test('a folder is mirrored; a bad file stops no other and is named at the end', async () => {
    const folder = temporaryFolder();
    mkdirSync(join(folder, 'in', 'deep'), { recursive: true });
    writeClips(join(folder, 'in', 'deep'), 2);
    touch(folder, 'in/a-bad.wav');
    writeFileSync(join(folder, 'in', 'deep', 'clip-00.mp3'), ''); // beside clip-00.wav
    const out = join(folder, 'out');
    const { code, stderr } = await run('-o', out, '-f', 'srt', join(folder, 'in'));
    expect(code).toBe(1);
    expect(readdirSync(out)).toEqual(['deep']);
    expect(readdirSync(join(out, 'deep')).sort()).toEqual(['clip-00.wav.srt', 'clip-01.srt']);
    expect(stderr).toMatch(/files: 2 done, 2 failed\nwarning: 2 of 4 files failed:\n.*a-bad\.wav.*\n.*clip-00\.mp3/);
  });

  test('a list on stdin is mirrored as written', async () => {
    const out = temporaryFolder();
    const { code } = await runCli([...tiny, '--files-from', '-', '-o', out], { stdin: Buffer.from(`${sample}\0`) });
    expect(code).toBe(0);
    expect(readdirSync(join(out, 'samples'))).toEqual(['espeak-en-16k.txt']);
  });

  test('one format goes to stdout without a folder', async () => {
    const { stdout } = await run('-q', '-f', 'vtt', sample);
    expect(parseVtt(stdout)[0]).toMatchObject({ startMs: 0 });
  });

  test('--timestamps shows times with each segment', async () => {
    const { stdout } = await run('-q', '--timestamps', sample);
    expect(stdout).toMatch(/^\[00:0\d\.\d{3} --> 00:0\d\.\d{3}\] \S.*\n/);
  });

  test('--colors colours a pipe too, and nothing else does', async () => {
    const colored = await run('-q', '--colors', sample);
    const plain = await run('-q', sample);
    expect(colored.stdout).toContain('\x1b[38;5;');
    expect(plain.stdout).not.toContain('\x1b');
  });

  test('--json tells of the files written, and of what was skipped', async () => {
    const out = temporaryFolder();
    const path = join(out, 'espeak-en-16k.srt');
    const first = JSON.parse((await run('--json', '-f', 'srt', '-o', out, sample)).stdout);
    expect(first).toMatchObject({ file: sample, language: 'en', outputs: [path] });
    const second = JSON.parse((await run('--json', '-f', 'srt', '-o', out, sample)).stdout);
    expect(second).toEqual({ file: sample, skipped: true, outputs: [path] });
  });

  test('what cannot be written fails before the recording is listened to, and leaves nothing', async () => {
    const folder = temporaryFolder();
    touch(folder, 'file');
    const { code, stderr } = await run('-o', join(folder, 'file'), sample);
    expect(code).toBe(1);
    expect(stderr).toContain(`cannot write ${join(folder, 'file')}`);
    expect(stderr).not.toContain('device CPU');
    expect(readdirSync(folder)).toEqual(['file']);
  });

  test('Ctrl-C leaves whole outputs only, and says where it stopped and how to go on', async () => {
    const folder = temporaryFolder();
    writeClips(folder, 6);
    const out = join(folder, 'out');
    const { code, stderr } = await runCli([...tiny, '-o', out, '-f', 'srt,json', folder], {
      when: { text: 'clip-02.wav: ', act: (kill) => kill('SIGINT') },
    });
    expect(code).toBe(130);
    expect(stderr).toMatch(
      /stopped (in|before) .*clip-0[345]\.wav.*of 6, [345] done\); the same command skips what is done and begins with this file/,
    );
    const names = readdirSync(out).sort();
    expect(names.length).toBeGreaterThanOrEqual(6);
    for (const name of names) expect(name).toMatch(/^clip-0\d\.(srt|json)$/);
    const next = await run('-o', out, '-f', 'srt,json', folder);
    expect(next.stderr).toMatch(/[345] of 6 files are finished already/);
    expect(readdirSync(out)).toHaveLength(12);
  });

  test('a reader that has seen enough ends the program quietly', () => {
    const cli = fileURLToPath(built('cli/main.js'));
    const script = 'node "$0" "$@" | head -n 1';
    const { stdout, stderr } = spawnSync('sh', ['-c', script, cli, ...tiny, '-q', sample, sample, sample], {
      encoding: 'utf8',
    });
    expect(stdout).toBe(`==> ${sample} <==\n`);
    expect(stderr).toBe('');
  });

  test('one that no longer reads what else is said does not stop the work', async () => {
    const folder = temporaryFolder();
    writeClips(folder, 2);
    const cli = fileURLToPath(built('cli/main.js'));
    const script = '{ node "$0" "$@" 2>&1 >&3 | head -n 1 >&2; } 3>&1';
    const { stdout } = spawnSync('sh', ['-c', script, cli, ...tiny, '--json', '-o', join(folder, 'out'), folder], {
      encoding: 'utf8',
    });
    expect(stdout.trim().split('\n')).toHaveLength(2);
    expect(readdirSync(join(folder, 'out'))).toHaveLength(2);
  });
});
