import { appendFileSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { openJournalFile } from '../../../src/queue/journal/journal-file.ts';
import { temporaryFolder } from '../../support/temporary.ts';

const opened = () => {
  const path = join(temporaryFolder(), 'queue', 'journal.jsonl');
  return { path, journal: openJournalFile(path) };
};

describe('a journal', () => {
  test('gives everybody what was added, once', async () => {
    const { path, journal } = opened();
    const other = openJournalFile(path);
    expect(await journal.readOn()).toEqual({ entries: [], isAnew: false });
    await journal.append([{ n: 1 }, { n: 2 }], true);
    await other.append([{ n: 3 }], false);
    expect((await journal.readOn()).entries).toEqual([{ n: 1 }, { n: 2 }, { n: 3 }]);
    expect((await journal.readOn()).entries).toEqual([]);
    expect((await other.readOn()).entries).toHaveLength(3);
  });

  test('loses nothing but the torn line itself, wherever a power cut tore it', async () => {
    const { path, journal } = opened();
    await journal.append([{ name: 'first' }], true);
    const before = readFileSync(path).length;
    await journal.append([{ name: 'sécond' }], true);
    const whole = readFileSync(path);
    for (let length = before; length < whole.length; length++) {
      writeFileSync(path, whole.subarray(0, length));
      const anew = openJournalFile(path);
      expect((await anew.readOn()).entries.length).toBeLessThan(2);
      await anew.append([{ name: 'third' }], true);
      // What was whole but for its line break is whole now.
      const names = (await openJournalFile(path).readOn()).entries.map((entry) => (entry as { name: string }).name);
      expect(names).toEqual(length === whole.length - 1 ? ['first', 'sécond', 'third'] : ['first', 'third']);
    }
  });

  test('is not read beyond the last line break: the rest is still being written', async () => {
    const { path, journal } = opened();
    await journal.append([{ n: 1 }], true);
    appendFileSync(path, '{"n":');
    expect((await journal.readOn()).entries).toEqual([{ n: 1 }]);
    appendFileSync(path, '2}\n');
    expect((await journal.readOn()).entries).toEqual([{ n: 2 }]);
  });

  test('passes over what a file system puts in the place of what it lost', async () => {
    const { path, journal } = opened();
    await journal.append([{ n: 1 }], true);
    truncateSync(path, readFileSync(path).length + 100);
    await journal.append([{ n: 2 }], true);
    expect((await openJournalFile(path).readOn()).entries).toEqual([{ n: 1 }, { n: 2 }]);
  });

  test('that was removed begins anew', async () => {
    const { path, journal } = opened();
    await journal.append([{ n: 1 }], true);
    await journal.readOn();
    rmSync(path);
    expect(await journal.readOn()).toEqual({ entries: [], isAnew: true });
    await journal.append([{ n: 2 }], true);
    expect((await journal.readOn()).entries).toEqual([{ n: 2 }]);
  });

  test('that cannot be written is told as such', async () => {
    const folder = temporaryFolder();
    writeFileSync(join(folder, 'file'), '');
    await expect(openJournalFile(join(folder, 'file', 'journal.jsonl')).append([{}], true)).rejects.toMatchObject({
      code: 'JOURNAL_FAILED',
    });
  });
});
