import { spawn } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { parseSrt } from '../../output/subtitle-parser.ts';
import { built } from '../../support/build-dist.ts';
import { writeClips } from '../../support/clips.ts';
import { models } from '../../support/models.ts';
import { temporaryFolder } from '../../support/temporary.ts';

const nFiles = Number(process.env['WHISPER_NPU_TEST_BATCH'] ?? 8);
const cli = fileURLToPath(built('cli/main.js'));

/** Outputs that have their names, and when and as what they were written. */
function named(folder: string): Map<string, string> {
  const names = existsSync(folder) ? readdirSync(folder).filter((name) => !name.startsWith('.')) : [];
  return new Map(
    names.map((name) => {
      const { ino, ctimeMs } = statSync(join(folder, name));
      return [name, `${ino} ${ctimeMs}`];
    }),
  );
}

/** Those of recordings that have both outputs. */
function finished(folder: string): Map<string, string> {
  const all = named(folder);
  return new Map(
    [...all].filter(([name]) => all.has(name.replace(/(srt|json)$/, (x) => (x === 'srt' ? 'json' : 'srt')))),
  );
}

// Set WHISPER_NPU_TEST_BATCH=50 for as many files as a release is tried with.
describe.skipIf(models.tinyEn === undefined)(`a batch of ${nFiles} files, killed again and again`, () => {
  test('ends with whole outputs, and nothing is done again once it is finished', async () => {
    const folder = temporaryFolder();
    const out = join(folder, 'out');
    writeClips(folder, nFiles);
    const args = ['transcribe', '-q', '--model', models.tinyEn ?? '', '-f', 'srt,json', '-o', out, folder];
    let nKills = 0;
    for (let code: number | null = null; code !== 0; ) {
      const before = finished(out);
      const child = spawn(process.execPath, [cli, ...args], { stdio: 'ignore' });
      const ended = new Promise<number | null>((resolve) => child.on('close', resolve));
      // Lets a few files pass, so that the batch gets on, then strikes at any moment of the next one.
      const enough = Math.min(2 * nFiles, before.size + 2 * Math.floor(1 + Math.random() * 4));
      while (child.exitCode === null && finished(out).size < enough) await sleep(5);
      await sleep(Math.random() * 400);
      // Once all is there, the program may see it in peace: on a busy machine it would be killed before it has started.
      if (before.size < 2 * nFiles && child.kill('SIGKILL')) nKills++;
      code = await ended;
      const after = named(out);
      for (const [name, stamp] of before) expect(after.get(name), name).toBe(stamp);
      for (const name of after.keys()) {
        const content = readFileSync(join(out, name), 'utf8');
        if (name.endsWith('json')) expect(() => JSON.parse(content)).not.toThrow();
        else expect(() => parseSrt(content)).not.toThrow();
      }
    }
    expect(nKills).toBeGreaterThan(0);
    // All there, and nothing else: no part of a file that a killed run left.
    expect(readdirSync(out)).toHaveLength(2 * nFiles);
    expect(finished(out).size).toBe(2 * nFiles);
  });
});
