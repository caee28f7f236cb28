import { execFileSync } from 'node:child_process';
import { chmodSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { describe, expect, test } from 'vitest';
import { readInputList } from '../../../../src/cli/transcribe/batch/input-list.ts';
import { findInputs, findListed } from '../../../../src/cli/transcribe/batch/inputs.ts';
import { wavBytes } from '../../../audio/wav-bytes.ts';
import { fixture } from '../../../support/fixtures.ts';
import { shared } from '../../../support/shared.ts';
import { temporaryFolder, touch } from '../../../support/temporary.ts';

/** Where outputs of what was found would lie. */
const mirrored = async (...args: string[]) => (await findInputs(args)).map(({ relativePath }) => relativePath);

describe('files', () => {
  test('are taken as they are named, whatever their extension, there or not', async () => {
    expect(await findInputs(['a/b.wav', 'strange.dat', '-'])).toEqual([
      { path: 'a/b.wav', relativePath: 'b.wav' },
      { path: 'strange.dat', relativePath: 'strange.dat' },
      { path: '-', relativePath: 'stdin' },
    ]);
  });

  test('whose names look like a glob are files', async () => {
    const folder = temporaryFolder();
    touch(folder, 'a[1].wav', 'a1.wav');
    expect(await mirrored(join(folder, 'a[1].wav'))).toEqual(['a[1].wav']);
  });
});

describe('a folder', () => {
  test('gives its audio at any depth, sorted, without hidden files', async () => {
    const folder = temporaryFolder();
    touch(folder, 'b.wav', 'a/z.MP3', 'a/b/c.opus', 'a/._z.mp3', '.hidden/x.wav', 'notes.txt', 'b.srt');
    expect(await mirrored(folder)).toEqual(['a/b/c.opus', 'a/z.MP3', 'b.wav']);
  });

  test('may have links that lead round in it: each folder is walked once', async () => {
    const folder = temporaryFolder();
    touch(folder, 'a/x.wav', 'b/y.wav');
    symlinkSync('..', join(folder, 'a', 'up'));
    symlinkSync(folder, join(folder, 'b', 'round'));
    symlinkSync('../a', join(folder, 'b', 'to-a'));
    expect(await mirrored(folder)).toEqual(['a/x.wav', 'b/y.wav']);
  });

  test('follows links to files and other folders, and does not pass over a link to nothing', async () => {
    const [folder, elsewhere] = [temporaryFolder(), temporaryFolder()];
    touch(elsewhere, 'far.wav');
    symlinkSync(elsewhere, join(folder, 'linked'));
    symlinkSync(join(elsewhere, 'far.wav'), join(folder, 'file.wav'));
    symlinkSync('nowhere', join(folder, 'gone.wav'));
    expect(await mirrored(folder)).toEqual(['file.wav', 'gone.wav', 'linked/far.wav']);
  });

  test('without audio is a failure that names it', async () => {
    const folder = temporaryFolder();
    const failure = async () => (await findInputs([folder]))[0]?.failure;
    expect(await failure()).toMatchObject({ code: 'AUDIO_NONE_FOUND', message: `no audio file is in ${folder}` });
    touch(folder, 'notes.txt', 'more.TXT', 'Makefile');
    expect(await failure()).toMatchObject({
      code: 'AUDIO_NONE_FOUND',
      message: `no audio file is in ${folder}: 3 files that are no recordings are passed over: .txt 2, without extension 1`,
    });
  });

  test('is searched for recordings by their names, and by their content where names say nothing', async () => {
    const folder = temporaryFolder();
    // Names alone are enough, so that whatever is wrong with them is told.
    const names =
      '3gp 3g2 aac ac3 aif aiff aifc amr au avi caf flac flv m2ts m4a m4b m4v mka mkv mov mp2 mp3 mp4 mpg mpeg mpga oga ogg ogv ' +
      'opus spx vob w64 wav wave weba webm wma wmv';
    touch(folder, ...names.split(' ').map((extension) => `named/a.${extension}`));
    const mp3 = fixture('espeak-en.mp3');
    const heads = {
      ts: Buffer.concat(Array.from({ length: 8 }, () => Buffer.alloc(188, 'G\x01', 'latin1'))),
      mts: Buffer.concat(Array.from({ length: 8 }, () => Buffer.alloc(192, '\x01\x02\x03\x04G\x05', 'latin1'))),
      bin: mp3,
      part: Buffer.concat([Buffer.from('ID3\x04\0\0\0\0\x7f\x7f', 'latin1'), Buffer.alloc(16_383), mp3]),
      'wav~': wavBytes(),
    };
    for (const [extension, bytes] of Object.entries(heads))
      writeFileSync(join(folder, `by-content.${extension}`), bytes);
    writeFileSync(join(folder, 'tape'), fixture('espeak-en.ogg'));
    writeFileSync(join(folder, 'program.ts'), `export const free = true; // ${'and so on '.repeat(20)}\n`);
    writeFileSync(join(folder, 'README'), `The free software ${'and so on '.repeat(20)}\n`); // QuickTime has this word there
    writeFileSync(join(folder, 'photo.heic'), '\0\0\0\x18ftypheic\0\0\0\0mif1');
    writeFileSync(join(folder, 'empty.dat'), '');
    const notes: string[] = [];
    const found = await findInputs([folder], (line) => notes.push(line));
    expect(found.map(({ relativePath }) => relativePath)).toEqual([
      ...Object.keys(heads)
        .map((extension) => `by-content.${extension}`)
        .sort(),
      ...names
        .split(' ')
        .map((extension) => `named/a.${extension}`)
        .sort(),
      'tape',
    ]);
    expect(notes).toEqual([
      `${folder}: 4 files that are no recordings are passed over: without extension 1, .dat 1, .heic 1, .ts 1`,
    ]);
  });

  test('may have what cannot be read, or would never be read to its end', async () => {
    const folder = temporaryFolder();
    touch(folder, 'a.wav');
    execFileSync('mkfifo', [join(folder, 'pipe')]);
    symlinkSync('nowhere', join(folder, 'gone'));
    const notes: string[] = [];
    expect(await findInputs([join(folder, '*')], (line) => notes.push(line))).toHaveLength(1);
    expect(notes).toEqual([
      `${folder}/*: 2 files that are no recordings are passed over: without extension that cannot be read 1, without extension that is no file 1`,
    ]);
  });

  test('and its files, which one glob matches, are counted once', async () => {
    const folder = temporaryFolder();
    touch(folder, 'a.wav', 'b/c.txt');
    const notes: string[] = [];
    await findInputs([join(folder, '**')], (line) => notes.push(line));
    expect(notes).toEqual([`${folder}/**: 1 file that is no recording is passed over: .txt 1`]);
  });

  test.skipIf(process.getuid?.() === 0)('that may not be read fails by itself', async () => {
    const folder = temporaryFolder();
    touch(folder, 'a.wav', 'locked/b.wav');
    chmodSync(join(folder, 'locked'), 0);
    const found = await findInputs([folder]);
    chmodSync(join(folder, 'locked'), 0o700);
    expect(found.map(({ failure }) => failure?.code)).toEqual([undefined, 'AUDIO_FOLDER_UNREADABLE']);
  });

  test('with a name that is no UTF-8 says so', async () => {
    const folder = temporaryFolder();
    writeFileSync(Buffer.concat([Buffer.from(`${folder}/`), Buffer.from([0xc2, 0xbc]), Buffer.from('.wav')]), '');
    writeFileSync(Buffer.concat([Buffer.from(`${folder}/`), Buffer.from([0xd6, 0xd0]), Buffer.from('.wav')]), '');
    const found = await findInputs([folder]);
    expect(found.map(({ failure }) => failure?.code).sort()).toEqual(['AUDIO_NAME_NOT_UTF8', undefined]);
  });
});

describe('the root of the file system', () => {
  test('is refused, named or listed, whatever it is called', async () => {
    const folder = temporaryFolder();
    symlinkSync('/', join(folder, 'root'));
    const names = ['/', '//', '/tmp/..', join(folder, 'root')];
    const refusal = { name: 'UsageError', code: 'INPUT_IS_ROOT' };
    for (const name of names) {
      await expect(findInputs([name])).rejects.toMatchObject(refusal);
      await expect(findListed(['a.wav', name])).rejects.toMatchObject(refusal);
    }
  });

  test('is not entered by a link', async () => {
    const folder = temporaryFolder();
    touch(folder, 'a.wav');
    symlinkSync('/', join(folder, 'root'));
    expect(await mirrored(folder)).toEqual(['a.wav']);
  });
});

test('an address is no glob, so that opening it tells what it is', async () => {
  const url = 'https://example.org/{a,b}*.mp3?x=[1]';
  expect(await findInputs([url])).toEqual([{ path: url, relativePath: '{a,b}*.mp3?x=[1]' }]);
});

describe('a glob', () => {
  const tree = () => {
    const folder = temporaryFolder();
    touch(folder, 'a.wav', 'b.mp3', 'c.txt', '.d.wav', 'x/a1.wav', 'x/a2.wav', 'x/y/a1.flac', 'z/a1.wav');
    return folder;
  };

  test.each([
    ['*.wav', ['a.wav']],
    ['*', ['a.wav', 'b.mp3', 'x/a1.wav', 'x/a2.wav', 'x/y/a1.flac', 'z/a1.wav']],
    ['*.txt', ['c.txt']],
    ['.*.wav', ['.d.wav']],
    ['?/a[1-1].wav', ['x/a1.wav', 'z/a1.wav']],
    ['x/a[!1].wav', ['x/a2.wav']],
    ['**/a1.*', ['x/a1.wav', 'x/y/a1.flac', 'z/a1.wav']],
    ['{a,b}.{wav,mp3}', ['a.wav', 'b.mp3']],
    ['**', ['a.wav', 'b.mp3', 'x/a1.wav', 'x/a2.wav', 'x/y/a1.flac', 'z/a1.wav']],
    ['{x,z/{a1,a2}}*', ['x/a1.wav', 'x/a2.wav', 'x/y/a1.flac', 'z/a1.wav']],
  ])('%s', async (pattern, expected) => {
    const found = await findInputs([join(tree(), pattern)]);
    // What lies below the first wildcard is mirrored; for x/a[!1].wav that is the file alone.
    const below = pattern.startsWith('x/') ? expected.map((path) => path.slice(2)) : expected;
    expect(found.map(({ relativePath }) => relativePath)).toEqual(below);
    expect(found.every(({ failure }) => failure === undefined)).toBe(true);
  });

  test('that matches nothing is a failure that names it', async () => {
    const [input] = await findInputs([join(tree(), 'no-*.wav')]);
    expect(input?.failure).toMatchObject({ code: 'AUDIO_NONE_FOUND', message: expect.stringContaining('no-*.wav') });
  });

  test('that is none is an error of usage', async () => {
    await expect(findInputs([join(tree(), '[z-a].wav')])).rejects.toMatchObject({ code: 'GLOB_INVALID' });
  });

  test('does not run in circles', async () => {
    const folder = tree();
    symlinkSync('..', join(folder, 'x', 'up'));
    expect(await mirrored(join(folder, '**', 'a2.wav'))).toEqual(['x/a2.wav']);
  });
});

describe('a list', () => {
  const read = (content: string | Buffer) => readInputList('-', Readable.from([Buffer.from(content)]));

  test('has a path on each line, with either line end', async () => {
    expect(await read('\ufeffa b.wav\r\n\n c.wav\n')).toEqual(['a b.wav', ' c.wav']);
  });

  test('with NULs in it may have line breaks in names', async () => {
    expect(await read('a\nb.wav\0c.wav\0')).toEqual(['a\nb.wav', 'c.wav']);
  });

  const utf16 = (text: string) => Buffer.from(`\ufeff${text}`, 'utf16le');

  test('may be UTF-16 of either order, as PowerShell writes it', async () => {
    const text = '/tmp/a b.wav\r\nD:\\中文\\é.mp3\r\n';
    const paths = ['/tmp/a b.wav', 'D:\\中文\\é.mp3'];
    expect(await read(utf16(text))).toEqual(paths);
    expect(await read(utf16(text).swap16())).toEqual(paths);
  });

  test.skipIf(shared === undefined)('that PowerShell wrote is read as it was meant', async () => {
    const list = readFileSync(join(shared ?? '', 'cases', 'powershell-list.txt'));
    const paths = await read(list);
    expect(paths).toHaveLength(2);
    expect(paths.every((path) => /^\/\S+\.wav$/.test(path))).toBe(true);
  });

  test('of UTF-16 that does not say so is refused, not taken for one path per letter', async () => {
    for (const bytes of [utf16('/tmp/a.wav\r\n/x.wav'), utf16('b.wav'), utf16('/中文/c.wav\n').swap16()])
      await expect(read(bytes.subarray(2))).rejects.toMatchObject({
        code: 'LIST_NO_TEXT',
        message: 'the list of files - seems to be UTF-16 without the byte-order mark that says so',
      });
    expect(await read('a\0b\0.\0long.wav\0another.wav\0more.wav\0')).toHaveLength(6);
  });

  test('of a folder or two with short names is none of UTF-16', async () => {
    expect(await read('.\n')).toEqual(['.']);
    expect(await read('/\n')).toEqual(['/']);
    expect(await read('.\n/\n')).toEqual(['.', '/']);
    expect(await read('.\0')).toEqual(['.']);
  });

  test('of UTF-16 that ends in the middle of a character is refused', async () => {
    await expect(read(utf16('/tmp/a.wav\n').subarray(0, -1))).rejects.toMatchObject({
      code: 'LIST_NO_TEXT',
      message: expect.stringContaining('is cut short'),
    });
  });

  test('at an address is told to be one', async () => {
    await expect(readInputList('https://example.org/list.txt', Readable.from([]))).rejects.toMatchObject({
      code: 'LIST_UNREADABLE',
      message: expect.stringContaining('is an address'),
      hint: expect.stringContaining('--files-from -'),
    });
  });

  test('that is no text is refused', async () => {
    for (const bytes of [fixture('espeak-en.mp3'), fixture('espeak-en.flac'), wavBytes(), Buffer.from([0xd6, 0xd0])])
      await expect(read(bytes)).rejects.toMatchObject({ name: 'UsageError', code: 'LIST_NO_TEXT' });
  });

  test('may have a name in it that is no UTF-8, or has control characters', async () => {
    const odd = Buffer.from('recordings/gr\xfc\xdfe.wav\nrecordings/b\x1b.wav\n', 'latin1');
    expect(await read(odd)).toEqual(['recordings/gr\ufffd\ufffde.wav', 'recordings/b\x1b.wav']);
  });

  test('that is not there is an error of usage', async () => {
    await expect(readInputList('no-such-list', Readable.from([]))).rejects.toMatchObject({ code: 'LIST_UNREADABLE' });
  });

  test('is mirrored as written; what is not below here from the root on', async () => {
    const folder = temporaryFolder();
    touch(folder, 'talks/a.wav');
    mkdirSync(join(folder, 'talks/empty'));
    const found = await findListed(['x/../y/b*.wav', './c.wav', '-', '/tmp/q/d.wav', '..e.wav', join(folder, 'talks')]);
    expect(found.map(({ path, relativePath }) => [path, relativePath])).toEqual([
      ['x/../y/b*.wav', 'y/b*.wav'],
      ['./c.wav', 'c.wav'],
      ['./-', '-'],
      ['/tmp/q/d.wav', 'tmp/q/d.wav'],
      ['..e.wav', '..e.wav'],
      [join(folder, 'talks/a.wav'), join(folder, 'talks/a.wav').slice(1)],
    ]);
  });
});
