import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { SourceError } from '../../../src/model/fetch/context.ts';
import { readZipEntry, zipEntries } from '../../../src/model/fetch/zip.ts';
import { noise } from './small-model.ts';
import { zip } from './wheel.ts';

const files = { 'a/one': noise(200_000), 'a/two': Buffer.alloc(300_000, 'zip '), 'a/empty': Buffer.alloc(0) };
let folder: string;
let path: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'whisper-npu-zip-'));
  path = join(folder, 'a.whl');
});
afterEach(() => rmSync(folder, { recursive: true }));

async function unpack(name: string): Promise<Buffer> {
  const entry = (await zipEntries(path)).get(name);
  if (entry === undefined) throw new Error(`no ${name}`);
  const chunks: Buffer[] = [];
  for await (const chunk of readZipEntry(path, entry)) chunks.push(chunk);
  return Buffer.concat(chunks);
}

describe.each(['deflated', 'stored'] as const)('%s entries', (method) => {
  test('come out as they went in', async () => {
    writeFileSync(path, zip(files, method));
    expect([...(await zipEntries(path)).keys()]).toEqual(Object.keys(files));
    for (const [name, bytes] of Object.entries(files)) expect((await unpack(name)).equals(bytes)).toBe(true);
  });

  test('that were damaged are noticed', async () => {
    const bytes = zip(files, method);
    bytes[5_000] = (bytes[5_000] ?? 0) ^ 0xff;
    writeFileSync(path, bytes);
    await expect(unpack('a/one')).rejects.toThrow(SourceError);
    expect((await unpack('a/two')).equals(files['a/two'])).toBe(true);
  });
});

test('a comment after the directory is passed over', async () => {
  const bytes = zip(files);
  bytes.writeUInt16LE(7, bytes.length - 2);
  writeFileSync(path, Buffer.concat([bytes, Buffer.from('comment')]));
  expect((await unpack('a/two')).equals(files['a/two'])).toBe(true);
});

test('a file cut short, and one that is no zip, are refused', async () => {
  const bytes = zip(files);
  for (const wrong of [bytes.subarray(0, -30), bytes.subarray(0, 10), Buffer.alloc(0), noise(70_000)]) {
    writeFileSync(path, wrong);
    await expect(zipEntries(path)).rejects.toThrow('not a whole zip file');
  }
});

describe('absurd sizes', () => {
  test.each([0x7fffffff, 0x80000000, 0xffffffff])(
    'a directory of %i bytes is refused before it is read',
    async (size) => {
      const bytes = zip(files);
      bytes.writeUInt32LE(size, bytes.length - 10);
      writeFileSync(path, bytes);
      await expect(zipEntries(path)).rejects.toThrow(`a damaged zip directory: it claims ${size} bytes`);
      // A zip of nothing but its end.
      writeFileSync(path, bytes.subarray(-22));
      await expect(zipEntries(path)).rejects.toThrow(SourceError);
    },
  );

  test('a directory behind the end of the file is refused', async () => {
    const bytes = zip(files);
    bytes.writeUInt32LE(0xfffffff0, bytes.length - 6);
    writeFileSync(path, bytes);
    await expect(zipEntries(path)).rejects.toThrow('a damaged zip directory');
  });

  test('an entry is unpacked no further than the size that it claims', async () => {
    const bytes = zip({ 'a/bomb': Buffer.alloc(50_000_000) });
    const directory = bytes.indexOf(Buffer.from([0x50, 0x4b, 0x01, 0x02]));
    bytes.writeUInt32LE(1000, directory + 24);
    writeFileSync(path, bytes);
    const entry = (await zipEntries(path)).get('a/bomb')!;
    let unpackedBytes = 0;
    const unpacking = (async () => {
      for await (const chunk of readZipEntry(path, entry)) unpackedBytes += chunk.length;
    })();
    await expect(unpacking).rejects.toThrow('length or checksum differ');
    expect(unpackedBytes).toBeLessThanOrEqual(1000);
  });
});

test('an unknown compression is refused by name', async () => {
  const bytes = zip({ 'a/one': noise(100) });
  bytes.writeUInt16LE(14, bytes.indexOf(Buffer.from([0x50, 0x4b, 0x01, 0x02])) + 10);
  writeFileSync(path, bytes);
  await expect(zipEntries(path)).rejects.toThrow('a/one is compressed by method 14');
});
