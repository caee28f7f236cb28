import { spawn } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { hasRedis, startRedis } from '../../queue/bullmq/redis-server.ts';
import { built } from '../../support/build-dist.ts';
import { writeClips } from '../../support/clips.ts';
import { models } from '../../support/models.ts';
import { runCli } from '../../support/run-cli.ts';
import { temporaryFolder } from '../../support/temporary.ts';

const nFiles = Number(process.env['WHISPER_NPU_TEST_QUEUE'] ?? 6);
const nKills = Number(process.env['WHISPER_NPU_TEST_QUEUE_KILLS'] ?? 2);
const nWorkers = Number(process.env['WHISPER_NPU_TEST_QUEUE_WORKERS'] ?? 2);
const cli = fileURLToPath(built('cli/main.js'));
const model = ['--dtype', 'int8', '--model', models.tinyEn ?? ''];

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

interface WorkerProcess {
  readonly kill: (signal: NodeJS.Signals) => void;
  readonly ended: Promise<number | null>;
  /** What it has said. */
  readonly said: () => string;
}

function startWorker(env: Readonly<Record<string, string>>): WorkerProcess {
  const args = [cli, 'worker', '--until-empty', '--device', 'cpu:1x1', ...model];
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'ignore', 'pipe'], env: { ...process.env, ...env } });
  let said = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    said += text;
  });
  return {
    kill: (signal) => child.kill(signal),
    ended: new Promise((resolve) => child.on('close', resolve)),
    said: () => said,
  };
}

interface Place {
  readonly env: Readonly<Record<string, string>>;
  /** What else happens to it, after some of the kills. */
  disturb(kill: number, workers: readonly WorkerProcess[]): Promise<void>;
}

/** @returns how often a worker had finished a recording, and how often it was begun anew for nothing */
async function killWorkers(folder: string, { env, disturb }: Place) {
  const [input, out, alone] = ['in', 'out', 'alone'].map((name) => join(folder, name)) as [string, string, string];
  mkdirSync(input);
  writeClips(input, nFiles);
  // What a queue has to come to; and no worker spends its time on making the weights.
  const once = ['transcribe', '-q', '-d', 'cpu', '-t', '1', ...model, '-f', 'srt,json', '-o', alone, input];
  expect((await runCli(once, { env })).code).toBe(0);
  expect((await runCli(['queue', 'add', '-q', '-f', 'srt,json', '-o', out, input], { env })).code).toBe(0);

  const workers = Array.from({ length: nWorkers }, () => startWorker(env));
  const all = [...workers];
  let done = new Map<string, string>();
  for (let kill = 0; kill < nKills; kill++) {
    const enough = Math.floor((2 * nFiles * (kill + Math.random() / 2)) / nKills);
    while (outputsIn(out).size < Math.min(enough, 2 * nFiles - 2)) await sleep(5);
    await sleep(Math.random() * 600);
    const victim = workers[kill % nWorkers] as WorkerProcess;
    victim.kill('SIGKILL');
    await victim.ended;
    for (const [name, stamp] of done) expect(outputsIn(out).get(name), name).toBe(stamp);
    done = outputsIn(out);
    workers[kill % nWorkers] = startWorker(env);
    all.push(workers[kill % nWorkers] as WorkerProcess);
    await disturb(kill, workers);
  }
  expect(await Promise.all(workers.map(({ ended }) => ended))).toEqual(workers.map(() => 0));

  for (const [name, stamp] of done) expect(outputsIn(out).get(name), name).toBe(stamp);
  expect(readdirSync(out).sort()).toEqual(readdirSync(alone).sort());
  for (const name of readdirSync(alone)) {
    const [queued, single] = [out, alone].map((each) =>
      readFileSync(join(each, name), 'utf8').replace(/"device": ?"[^"]*"/, ''),
    );
    expect(queued, name).toBe(single);
  }
  const status = JSON.parse((await runCli(['queue', 'status', '--json'], { env })).stdout);
  expect(status).toMatchObject({ waiting: 0, active: 0, finished: nFiles, failed: 0, cancelled: 0 });
  const said = all.map((worker) => worker.said()).join('');
  return said.match(/ s of audio in /g)?.length ?? 0;
}

// WHISPER_NPU_TEST_QUEUE=200 WHISPER_NPU_TEST_QUEUE_KILLS=20 is what a release is tried with.
describe.skipIf(models.tinyEn === undefined)(`${nFiles} jobs, whose workers are killed ${nKills} times`, () => {
  test('in a journal are all done, and a kill costs one job at most', async () => {
    const folder = temporaryFolder();
    const env = { WHISPER_NPU_HOME: join(folder, 'store') };
    const nFinished = await killWorkers(folder, { env, disturb: async () => undefined });
    expect(nFinished).toBeLessThanOrEqual(nFiles);
    const lines = readFileSync(join(folder, 'store/queue/default/journal.jsonl'), 'utf8').split('\n');
    const count = (what: string) => lines.filter((line) => line.includes(`"what":"${what}"`)).length;
    expect([count('added'), count('finished'), count('failed')]).toEqual([nFiles, nFiles, 0]);
    expect(count('begun')).toBeLessThanOrEqual(nFiles + nKills);
  });

  test.skipIf(!hasRedis)(
    'in Redis are all done, though it is killed too and a worker sleeps longer than its lock lives',
    async () => {
      const folder = temporaryFolder();
      const redis = await startRedis();
      try {
        const env = {
          WHISPER_NPU_HOME: join(folder, 'store'),
          WHISPER_NPU_QUEUE: redis.address,
          WHISPER_NPU_QUEUE_LOCK_MS: '2000',
        };
        const half = Math.floor(nKills / 2);
        const disturb = async (kill: number, workers: readonly WorkerProcess[]) => {
          if (kill === 0 || kill === half) await redis.restart();
          if (kill !== half) return;
          workers[0]?.kill('SIGSTOP');
          await sleep(5000);
          workers[0]?.kill('SIGCONT');
        };
        const nFinished = await killWorkers(folder, { env, disturb });
        // One that slept finishes what another has done meanwhile.
        expect(nFinished).toBeLessThanOrEqual(nFiles + 1);
      } finally {
        await redis.stop();
      }
    },
  );
});
