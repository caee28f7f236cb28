import { spawn } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { built } from '../../support/build-dist.ts';
import { writeClips } from '../../support/clips.ts';
import { models } from '../../support/models.ts';
import { runCli } from '../../support/run-cli.ts';
import { temporaryFolder } from '../../support/temporary.ts';

const nFiles = Number(process.env['WHISPER_NPU_TEST_QUEUE'] ?? 6);
const nKills = Number(process.env['WHISPER_NPU_TEST_QUEUE_KILLS'] ?? 2);
const nWorkers = Number(process.env['WHISPER_NPU_TEST_QUEUE_WORKERS'] ?? 2);
const cli = fileURLToPath(built('cli/main.js'));

/** Outputs that are there, and as what they were written. */
function outputsIn(folder: string): Map<string, string> {
  if (!existsSync(folder)) return new Map();
  const names = readdirSync(folder).filter((name) => !name.startsWith('.'));
  return new Map(
    names.map((name) => {
      const { ino, mtimeMs } = statSync(join(folder, name));
      return [name, `${ino} ${mtimeMs}`];
    }),
  );
}

// WHISPER_NPU_TEST_QUEUE=200 WHISPER_NPU_TEST_QUEUE_KILLS=20 is what a release is tried with.
describe.skipIf(models.tinyEn === undefined)(`${nFiles} jobs, whose workers are killed ${nKills} times`, () => {
  test('are all done, none is done again once it is finished, and a kill costs one job at most', async () => {
    const folder = temporaryFolder();
    const [input, out, store] = ['in', 'out', 'store'].map((name) => join(folder, name)) as [string, string, string];
    mkdirSync(input);
    writeClips(input, nFiles);
    const env = { WHISPER_NPU_HOME: store };
    const worker = [
      'worker',
      '--until-empty',
      '--device',
      'cpu:1x1',
      '--dtype',
      'int8',
      '--model',
      models.tinyEn ?? '',
    ];
    expect((await runCli(['queue', 'add', '-q', '-f', 'srt,json', '-o', out, input], { env })).code).toBe(0);
    // So that no worker spends its time on making the weights.
    const alone = join(folder, 'alone');
    const { code } = await runCli(
      [
        'transcribe',
        '-q',
        '-d',
        'cpu',
        '-t',
        '1',
        '--dtype',
        'int8',
        '-m',
        models.tinyEn ?? '',
        '-f',
        'srt,json',
        '-o',
        alone,
        input,
      ],
      { env },
    );
    expect(code).toBe(0);

    const start = () => {
      const child = spawn(process.execPath, [cli, ...worker], { stdio: 'ignore', env: { ...process.env, ...env } });
      return { child, ended: new Promise<number | null>((resolve) => child.on('close', resolve)) };
    };
    const workers = Array.from({ length: nWorkers }, start);
    let done = new Map<string, string>();
    for (let kill = 0; kill < nKills; kill++) {
      const enough = Math.floor((2 * nFiles * (kill + Math.random() / 2)) / nKills);
      while (outputsIn(out).size < Math.min(enough, 2 * nFiles - 2)) await sleep(5);
      await sleep(Math.random() * 600);
      const victim = workers[kill % nWorkers] as ReturnType<typeof start>;
      victim.child.kill('SIGKILL');
      await victim.ended;
      for (const [name, stamp] of done) expect(outputsIn(out).get(name), name).toBe(stamp);
      done = outputsIn(out);
      workers[kill % nWorkers] = start();
    }
    expect(await Promise.all(workers.map(({ ended }) => ended))).toEqual(workers.map(() => 0));

    for (const [name, stamp] of done) expect(outputsIn(out).get(name), name).toBe(stamp);
    expect(readdirSync(out).sort()).toEqual(readdirSync(alone).sort());
    const lines = readFileSync(join(store, 'queue/default/journal.jsonl'), 'utf8').split('\n');
    const count = (what: string) => lines.filter((line) => line.includes(`"what":"${what}"`)).length;
    expect(count('added')).toBe(nFiles);
    expect(count('finished')).toBe(nFiles);
    expect(count('begun')).toBeLessThanOrEqual(nFiles + nKills);
    expect(count('failed')).toBe(0);
    // The text of each is that of one machine without a queue.
    for (const name of readdirSync(alone)) {
      const [queued, once] = [out, alone].map((each) => readFileSync(join(each, name), 'utf8'));
      expect(queued?.replace(/"device": ?"[^"]*"/, ''), name).toBe(once?.replace(/"device": ?"[^"]*"/, ''));
    }
  });
});
