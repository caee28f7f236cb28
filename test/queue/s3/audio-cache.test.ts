import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { utimes } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeEach, describe, expect, test } from 'vitest';
import { processToken } from '../../../src/model/process-token.ts';
import { audioCache } from '../../../src/queue/s3/audio-cache.ts';
import { temporaryFolder } from '../../support/temporary.ts';

let folder: string;
let fetched: string[];

beforeEach(() => {
  folder = temporaryFolder();
  fetched = [];
});

const held = async (hash: string, limitBytes = 10) =>
  audioCache(folder, limitBytes).hold(hash, 4, async (path) => {
    fetched.push(hash);
    writeFileSync(path, hash);
  });

/** Uses a recording for a moment, at some time. */
async function use(hash: string, atSeconds: number): Promise<void> {
  await (await held(hash))[Symbol.asyncDispose]();
  await utimes(join(folder, hash), atSeconds, atSeconds);
}

describe('recordings that were fetched', () => {
  test('are there for the next one who wants them', async () => {
    const [first, second] = [await held('aaaa'), await held('aaaa')];
    expect(fetched).toEqual(['aaaa']);
    expect(readFileSync(second.path, 'utf8')).toBe('aaaa');
    await first[Symbol.asyncDispose]();
    expect(readFileSync(second.path, 'utf8')).toBe('aaaa');
    await second[Symbol.asyncDispose]();
    expect(readdirSync(folder)).toEqual(['aaaa']);
  });

  test('make room for others, those first that were not used for longest, and never while they are in use', async () => {
    await use('aaaa', 1000);
    await use('bbbb', 2000);
    await use('aaaa', 3000);
    await use('cccc', 4000);
    expect(readdirSync(folder).sort()).toEqual(['aaaa', 'cccc']);
    await using inUse = await held('aaaa');
    await utimes(join(folder, 'aaaa'), 500, 500);
    await use('dddd', 5000);
    expect(existsSync(inUse.path)).toBe(true);
    expect(readdirSync(folder)).toContain('aaaa');
    expect(readdirSync(folder)).not.toContain('cccc');
  });

  test('leave nothing where they cannot be fetched, or their process was killed', async () => {
    const failing = audioCache(folder, 10).hold('aaaa', 4, async (path) => {
      writeFileSync(path, 'aa');
      throw new Error('cut off');
    });
    await expect(failing).rejects.toThrow('cut off');
    expect(readdirSync(folder)).toEqual([]);
    const [host, , ...rest] = processToken().split('~');
    writeFileSync(join(folder, `aaaa~${[host, 2 ** 22 + 1, ...rest].join('~')}`), 'aa');
    await use('bbbb', 1000);
    expect(readdirSync(folder)).toEqual(['bbbb']);
  });

  test('that are larger than all of them together may be are refused', async () => {
    await expect(held('aaaa', 3)).rejects.toMatchObject({ code: 'JOB_AUDIO_TOO_LARGE' });
  });
});
