import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, utimesSync } from 'node:fs';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { removeDeadParts, writeMissing, writeTogether } from '../../../src/output/files/write-together.ts';
import { temporaryFolder, touch } from '../../support/temporary.ts';

const date = new Date(1_700_000_000_000);

describe('outputs written together', () => {
  test('are all there with their content and date, and nothing else is', async () => {
    const folder = temporaryFolder();
    touch(folder, 'a.srt');
    await writeTogether(
      new Map([
        [join(folder, 'a.srt'), 'Grüße 😀\n'],
        [join(folder, 'a.txt'), ''],
      ]),
      date,
    );
    expect(readFileSync(join(folder, 'a.srt'), 'utf8')).toBe('Grüße 😀\n');
    expect(readFileSync(join(folder, 'a.txt'), 'utf8')).toBe('');
    expect(statSync(join(folder, 'a.txt')).mtime).toEqual(date);
    expect(readdirSync(folder).sort()).toEqual(['a.srt', 'a.txt']);
  });

  test('leave what was there, and no part of them, when one cannot be written', async () => {
    const folder = temporaryFolder();
    touch(folder, 'a.srt');
    const files = new Map([
      [join(folder, 'a.srt'), 'new'],
      [join(folder, 'missing', 'a.txt'), 'new'],
    ]);
    await expect(writeTogether(files, date)).rejects.toMatchObject({
      name: 'OutputError',
      message: expect.stringContaining(join('missing', 'a.txt')),
    });
    expect(readFileSync(join(folder, 'a.srt'), 'utf8')).toBe('something');
    expect(readdirSync(folder)).toEqual(['a.srt']);
  });

  test('lack the last one when they cannot all get their names', async () => {
    const folder = temporaryFolder();
    touch(folder, 'a.vtt');
    mkdirSync(join(folder, 'a.txt', 'sub'), { recursive: true });
    const files = new Map(['srt', 'txt', 'vtt'].map((name) => [join(folder, `a.${name}`), 'new']));
    await expect(writeTogether(files, date)).rejects.toMatchObject({ code: 'OUTPUT_IN_THE_WAY' });
    expect(existsSync(join(folder, 'a.vtt'))).toBe(false);
    expect(readdirSync(folder).sort()).toEqual(['a.srt', 'a.txt']);
  });

  test.each(['a.srt', 'a.txt'])('name %s where it is an old output that may not be replaced', async (name) => {
    const folder = temporaryFolder();
    touch(folder, 'a.srt', 'a.txt');
    const immutable = join(folder, name);
    const paths = ['a.srt', 'a.txt'].map((each) => join(folder, each));
    if (spawnSync('chattr', ['+i', immutable]).status !== 0) return; // only root may, and not on every file system
    try {
      await expect(writeTogether(new Map(paths.map((path) => [path, 'new'])), date)).rejects.toMatchObject({
        code: 'OUTPUT_NOT_WRITABLE',
        message: `cannot write ${immutable}: it may not be written`,
      });
      expect(readFileSync(immutable, 'utf8')).toBe('something');
      expect(readdirSync(folder).filter((each) => each.startsWith('.'))).toEqual([]);
    } finally {
      spawnSync('chattr', ['-i', immutable]);
    }
  });

  test('name the one that has no place in a folder which only takes new names', async () => {
    const folder = temporaryFolder();
    touch(folder, 'a.srt');
    if (spawnSync('chattr', ['+a', folder]).status !== 0) return;
    try {
      await expect(writeTogether(new Map([[join(folder, 'a.srt'), 'new']]), date)).rejects.toMatchObject({
        code: 'OUTPUT_NOT_WRITABLE',
        message: `cannot write ${join(folder, 'a.srt')}: it may not be written`,
      });
      expect(readFileSync(join(folder, 'a.srt'), 'utf8')).toBe('something');
    } finally {
      spawnSync('chattr', ['-a', folder]);
    }
  });

  test.skipIf(!existsSync('/dev/full'))('say when the disk is full', async () => {
    // A file on a full disk cannot be had without a mount; a link to /dev/full fails the same way, at the first byte.
    const { outputError } = await import('../../../src/output/files/output-error.ts');
    const { writeFile } = await import('node:fs/promises');
    const error = await writeFile('/dev/full', 'x').catch((cause) => outputError(cause, 'a.srt'));
    expect(error).toMatchObject({ code: 'OUTPUT_DISK_FULL', message: expect.stringContaining('a.srt') });
  });
});

describe('outputs that are missing', () => {
  const recorded = new Date(1_600_000_000_000);

  function prepared(): { folder: string; recording: string; files: Map<string, string> } {
    const folder = temporaryFolder();
    touch(folder, 'a.wav', 'a.srt');
    utimesSync(join(folder, 'a.wav'), recorded, recorded);
    const files = new Map(['a.srt', 'a.txt'].map((name) => [join(folder, name), 'new']));
    return { folder, recording: join(folder, 'a.wav'), files };
  }

  test('are written, and those that are there stay as they are', async () => {
    const { folder, recording, files } = prepared();
    await writeMissing(files, date, recording);
    expect(readFileSync(join(folder, 'a.srt'), 'utf8')).toBe('something');
    expect(readFileSync(join(folder, 'a.txt'), 'utf8')).toBe('new');
    expect(statSync(join(folder, 'a.txt')).mtime).toEqual(date);
    expect(readdirSync(folder).sort()).toEqual(['a.srt', 'a.txt', 'a.wav']);
  });

  test('take the place of what is older than the recording', async () => {
    const { folder, recording, files } = prepared();
    const before = new Date(recorded.getTime() - 1000);
    utimesSync(join(folder, 'a.srt'), before, before);
    await writeMissing(files, date, recording);
    expect(readFileSync(join(folder, 'a.srt'), 'utf8')).toBe('new');
  });

  test('of several writers at the same time are those of one', async () => {
    const { folder, recording } = prepared();
    const writers = Array.from({ length: 8 }, (_, i) => new Map([[join(folder, 'a.txt'), `writer ${i}`]]));
    const seen = writers.map(async (files) => {
      await writeMissing(files, date, recording);
      return `${statSync(join(folder, 'a.txt')).ino} ${readFileSync(join(folder, 'a.txt'), 'utf8')}`;
    });
    const [first = '', ...others] = await Promise.all(seen);
    expect(first).toMatch(/^\d+ writer \d$/);
    expect(new Set(others)).toEqual(new Set([first]));
    await writeMissing(new Map([[join(folder, 'a.txt'), 'late']]), date, recording);
    expect(`${statSync(join(folder, 'a.txt')).ino} ${readFileSync(join(folder, 'a.txt'), 'utf8')}`).toBe(first);
    expect(readdirSync(folder).sort()).toEqual(['a.srt', 'a.txt', 'a.wav']);
  });

  test('that cannot be written are told as such, and leave nothing', async () => {
    const { folder, recording } = prepared();
    const files = new Map([[join(folder, 'missing', 'a.txt'), 'new']]);
    await expect(writeMissing(files, date, recording)).rejects.toMatchObject({
      name: 'OutputError',
      message: expect.stringContaining(join('missing', 'a.txt')),
    });
    expect(readdirSync(folder).sort()).toEqual(['a.srt', 'a.wav']);
  });
});

describe('parts that killed processes left', () => {
  const host = encodeURIComponent(hostname());
  // No process has this number: they end far below.
  const [dead, living, elsewhere] = [`${host}~999999999~0`, `${host}~${process.pid}~0`, 'other~1~0'].map(
    (rest) => `.whisper-npu~${rest}`,
  ) as [string, string, string];

  test('are removed, and those of living ones and other hosts are not', async () => {
    const folder = temporaryFolder();
    touch(folder, dead, living, elsewhere, 'a.srt');
    await removeDeadParts(folder);
    expect(readdirSync(folder).sort()).toEqual([living, elsewhere, 'a.srt'].sort());
  });

  test('are removed from other hosts too once they are old', async () => {
    const folder = temporaryFolder();
    touch(folder, elsewhere);
    utimesSync(join(folder, elsewhere), 1, 1);
    await removeDeadParts(folder);
    expect(readdirSync(folder)).toEqual([]);
  });

  test('matter to nobody where there is no folder', async () => {
    await expect(removeDeadParts('/nonexistent/folder')).resolves.toBeUndefined();
  });
});
