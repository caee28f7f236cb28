import { existsSync, mkdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { makeRoom } from '../../../src/output/files/room.ts';
import { temporaryFolder, touch } from '../../support/temporary.ts';

describe('room for outputs', () => {
  test('is made where there is none', async () => {
    const folder = temporaryFolder();
    await makeRoom([join(folder, 'x', 'y', 'a.srt')]);
    expect(statSync(join(folder, 'x', 'y')).isDirectory()).toBe(true);
  });

  test('cannot be had where a file is in the place of a folder, or a folder in that of a file', async () => {
    const folder = temporaryFolder();
    touch(folder, 'file');
    mkdirSync(join(folder, 'a.srt'));
    for (const path of ['file/a.srt', 'file/below/a.srt', 'a.srt'])
      await expect(makeRoom([join(folder, path)])).rejects.toMatchObject({ code: 'OUTPUT_IN_THE_WAY' });
  });

  test('cannot be had for a name that is too long', async () => {
    const folder = temporaryFolder();
    await expect(makeRoom([join(folder, `${'x'.repeat(254)}.srt`)])).rejects.toMatchObject({
      code: 'OUTPUT_NAME_TOO_LONG',
    });
    expect(existsSync(folder)).toBe(true);
  });

  test.skipIf(!existsSync('/proc/self'))('cannot be had where nothing may be written', async () => {
    await expect(makeRoom(['/proc/whisper-npu/a.srt'])).rejects.toMatchObject({
      message: expect.stringContaining('/proc/whisper-npu'),
      name: 'OutputError',
    });
  });
});
