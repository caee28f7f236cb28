import { createReadStream } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { crc32, createInflateRaw } from 'node:zlib';
import { SourceError } from './context.ts';

// The part of the zip format that wheels use (APPNOTE.TXT 4.3): stored or deflated entries, below 4 GiB.

const endSignature = 0x06054b50;
const endBytes = 22;
const directorySignature = 0x02014b50;
const localSignature = 0x04034b50;
const localBytes = 30;
/** A wheel's directory has a few kilobytes; one larger than this is not worth its memory. */
const largestDirectoryBytes = 16 * 2 ** 20;

/** An entry of a zip file. */
export interface ZipEntry {
  readonly name: string;
  readonly sizeBytes: number;
  readonly compressedBytes: number;
  readonly crc32: number;
  readonly method: 'stored' | 'deflated';
  readonly headerOffset: number;
}

/**
 * Reads the central directory.
 *
 * @throws SourceError if the file is no zip, or one of a kind not read here
 */
export async function zipEntries(path: string): Promise<Map<string, ZipEntry>> {
  await using file = await open(path);
  const { size } = await file.stat();
  const tailBytes = Math.min(size, endBytes + 0xffff);
  const tail = await readPiece(file, size - tailBytes, tailBytes);
  const end = tail.lastIndexOf(Buffer.from([0x50, 0x4b, 0x05, 0x06]));
  if (end < 0 || tail.length - end < endBytes || tail.readUInt32LE(end) !== endSignature)
    throw new SourceError(`${path} is not a whole zip file`);
  const count = tail.readUInt16LE(end + 10);
  const offset = tail.readUInt32LE(end + 16);
  const directoryBytes = tail.readUInt32LE(end + 12);
  if (directoryBytes > Math.min(size - offset, largestDirectoryBytes))
    throw new SourceError(`${path} has a damaged zip directory: it claims ${directoryBytes} bytes`);
  const directory = await readPiece(file, offset, directoryBytes);
  const entries = new Map<string, ZipEntry>();
  for (let at = 0, i = 0; i < count; i++) {
    if (at + 46 > directory.length || directory.readUInt32LE(at) !== directorySignature)
      throw new SourceError(`${path} has a damaged zip directory`);
    const nameBytes = directory.readUInt16LE(at + 28);
    const method = directory.readUInt16LE(at + 10);
    const name = directory.toString('utf8', at + 46, at + 46 + nameBytes);
    if (method !== 0 && method !== 8) throw new SourceError(`${path}: ${name} is compressed by method ${method}`);
    entries.set(name, {
      name,
      method: method === 0 ? 'stored' : 'deflated',
      crc32: directory.readUInt32LE(at + 16),
      compressedBytes: directory.readUInt32LE(at + 20),
      sizeBytes: directory.readUInt32LE(at + 24),
      headerOffset: directory.readUInt32LE(at + 42),
    });
    at += 46 + nameBytes + directory.readUInt16LE(at + 30) + directory.readUInt16LE(at + 32);
  }
  return entries;
}

/**
 * Unpacks an entry piece by piece.
 *
 * @throws SourceError if its length or CRC-32 is not what the directory says
 */
export async function* readZipEntry(path: string, entry: ZipEntry): AsyncGenerator<Buffer> {
  const start = await dataOffset(path, entry);
  let crc = 0;
  let sizeBytes = 0;
  if (entry.compressedBytes > 0) {
    const packed = createReadStream(path, { start, end: start + entry.compressedBytes - 1 });
    const inflate = createInflateRaw();
    packed.on('error', (error) => inflate.destroy(error));
    try {
      for await (const chunk of entry.method === 'stored' ? packed : packed.pipe(inflate)) {
        crc = crc32(chunk, crc);
        sizeBytes += chunk.length;
        if (sizeBytes > entry.sizeBytes) break;
        yield chunk;
      }
    } catch (error) {
      if (!(error instanceof Error && (error as NodeJS.ErrnoException).code?.startsWith('Z_'))) throw error;
      throw new SourceError(`${entry.name} in ${path} is damaged: ${error.message}`, { cause: error });
    } finally {
      packed.destroy();
      inflate.destroy();
    }
  }
  if (sizeBytes !== entry.sizeBytes || crc !== entry.crc32)
    throw new SourceError(`${entry.name} in ${path} is damaged: length or checksum differ`);
}

async function dataOffset(path: string, entry: ZipEntry): Promise<number> {
  await using file = await open(path);
  const header = await readPiece(file, entry.headerOffset, localBytes);
  if (header.length < localBytes || header.readUInt32LE(0) !== localSignature)
    throw new SourceError(`${entry.name} in ${path} is damaged: no header`);
  // Name and extra field may be longer here than in the directory.
  return entry.headerOffset + localBytes + header.readUInt16LE(26) + header.readUInt16LE(28);
}

/** @param sizeBytes has been checked against what there can be; fewer bytes come where the file ends before */
async function readPiece(file: FileHandle, start: number, sizeBytes: number): Promise<Buffer> {
  const { buffer, bytesRead } = await file.read(Buffer.alloc(sizeBytes), 0, sizeBytes, start);
  return buffer.subarray(0, bytesRead);
}
