import { open } from 'node:fs/promises';
import { dirname } from 'node:path';
import { JobError } from '../../errors.ts';
import { makeFolder } from '../../model/make-folder.ts';

// One line of JSON for each thing that happened. Lines are added at the end in one write, with a line break behind and one
// before: what a power cut tore apart is a line of its own that says nothing, and never takes the next one with it.

const lineBreak = 0x0a;

export interface JournalFile {
  /** @param isDurable whether it is on the disk when this returns, and not only where other processes see it */
  append(entries: readonly object[], isDurable: boolean): Promise<void>;
  /**
   * What was added since the last call, by whomever. What is no JSON is left out.
   *
   * @returns `isAnew` where the file is not the one that was read before, but another with its name
   */
  readOn(): Promise<{ readonly entries: readonly unknown[]; readonly isAnew: boolean }>;
}

/** @param path made when something is added */
export function openJournalFile(path: string): JournalFile {
  let read = { inode: 0n, offset: 0 };
  return {
    async append(entries, isDurable) {
      if (entries.length === 0) return;
      const bytes = Buffer.from(`\n${entries.map((entry) => `${JSON.stringify(entry)}\n`).join('')}`);
      try {
        await makeFolder(dirname(path));
        await using file = await open(path, 'a');
        const { bytesWritten } = await file.write(bytes);
        if (bytesWritten < bytes.length) throw new Error(`only ${bytesWritten} of ${bytes.length} bytes were written`);
        if (!isDurable) return;
        const isNew = (await file.stat()).size === bytes.length;
        await file.datasync();
        if (isNew) await syncFolder(dirname(path));
      } catch (cause) {
        throw journalError('written', path, cause);
      }
    },
    async readOn() {
      try {
        await using file = await open(path, 'r');
        const { ino, size } = await file.stat({ bigint: true });
        const isAnew = read.inode !== 0n && (ino !== read.inode || Number(size) < read.offset);
        if (isAnew) read = { inode: ino, offset: 0 };
        const { bytes, offset } = await wholeLines(file, read.offset, Number(size));
        read = { inode: ino, offset };
        return { entries: parsed(bytes), isAnew };
      } catch (cause) {
        if ((cause as NodeJS.ErrnoException).code !== 'ENOENT') throw journalError('read', path, cause);
        const isAnew = read.inode !== 0n;
        read = { inode: 0n, offset: 0 };
        return { entries: [], isAnew };
      }
    },
  };
}

/**
 * Workers ask several times for each job, and mostly nothing has happened: then nothing is read, and no memory taken.
 *
 * @returns what lies behind an offset, up to the last line break before the end, and where that is
 */
async function wholeLines(file: Awaited<ReturnType<typeof open>>, from: number, end: number) {
  const block = Buffer.allocUnsafe(Math.max(0, end - from));
  let length = 0;
  while (length < block.length) {
    const { bytesRead } = await file.read(block, length, block.length - length, from + length);
    if (bytesRead === 0) break;
    length += bytesRead;
  }
  const all = block.subarray(0, length);
  const nWhole = all.lastIndexOf(lineBreak) + 1;
  return { bytes: all.subarray(0, nWhole), offset: from + nWhole };
}

function parsed(bytes: Buffer): unknown[] {
  return bytes
    .toString()
    .split('\n')
    .flatMap((line) => {
      if (line === '') return [];
      try {
        return [JSON.parse(line) as unknown];
      } catch (error) {
        if (error instanceof SyntaxError) return []; // torn apart
        throw error;
      }
    });
}

async function syncFolder(folder: string): Promise<void> {
  await using handle = await open(folder, 'r');
  await handle.sync();
}

function journalError(what: 'read' | 'written', path: string, cause: unknown): JobError {
  const problem = cause instanceof Error ? cause.message : String(cause);
  return new JobError('JOURNAL_FAILED', `the journal of the queue, ${path}, cannot be ${what}: ${problem}`, {
    hint: 'free some space, or set WHISPER_NPU_HOME to a folder that you may write to',
    cause,
  });
}
