import { spawn } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { removeDeadParts } from '../../../src/output/files/write-together.ts';
import { built } from '../../support/build-dist.ts';
import { temporaryFolder } from '../../support/temporary.ts';

const names = ['a.srt', 'a.txt', 'a.json'];
const sizeBytes = 200_000;

/** Writes the same three files again and again, each time filled with the next letter. */
const writer = `
  const { writeTogether } = await import(${JSON.stringify(built('output/files/write-together.js'))});
  const paths = process.argv.slice(1);
  for (let i = 0; ; i++) {
    const content = String.fromCharCode(65 + (i % 26)).repeat(${sizeBytes});
    await writeTogether(new Map(paths.map((path) => [path, content])), new Date());
    if (i === 0) process.stdout.write('begun');
  }`;

test('a writer killed at any moment leaves whole files, and the last one only with the others of its kind', async () => {
  const folder = temporaryFolder();
  const paths = names.map((name) => join(folder, name));
  for (let kill = 0; kill < 15; kill++) {
    const child = spawn(process.execPath, ['--input-type=module', '-e', writer, ...paths]);
    await new Promise((resolve) => child.stdout.once('data', resolve));
    await sleep(Math.random() * 30);
    child.kill('SIGKILL');
    await new Promise((resolve) => child.once('close', resolve));

    const letters = paths
      .filter((path) => existsSync(path))
      .map((path) => {
        const content = readFileSync(path, 'latin1');
        expect(content).toBe((content[0] ?? '').repeat(sizeBytes));
        return content[0];
      });
    if (existsSync(join(folder, 'a.json'))) {
      expect(letters).toHaveLength(names.length);
      expect(new Set(letters).size).toBe(1);
    }
    await removeDeadParts(folder);
    expect(readdirSync(folder).filter((name) => name.startsWith('.'))).toEqual([]);
  }
});
