import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { writeClips } from '../../support/clips.ts';
import { models } from '../../support/models.ts';
import { runCli } from '../../support/run-cli.ts';
import { temporaryFolder } from '../../support/temporary.ts';

const worker = ['worker', '--device', 'cpu:1x1', '--dtype', 'int8', '--model', models.tinyEn ?? ''];

describe.skipIf(models.tinyEn === undefined)('a worker', () => {
  test('does what it can, says what failed for good and ends with 1; told to stop, it ends with 0', async () => {
    const folder = temporaryFolder();
    const env = { WHISPER_NPU_HOME: join(folder, 'store') };
    const [input, out] = [join(folder, 'in'), join(folder, 'out')];
    mkdirSync(input);
    writeClips(input, 1);
    writeFileSync(join(input, 'bad.wav'), 'no sound at all');
    expect((await runCli(['queue', 'add', '-q', '--attempts', '1', '-o', out, input], { env })).code).toBe(0);

    const { code, stderr } = await runCli([...worker, '--until-empty'], { env });
    expect(stderr).toContain('bad.wav');
    expect(stderr).toContain('(try 1 of 1: it stays failed)');
    expect(stderr).toMatch(/clip-00\.wav: 0\.5 s of audio in /);
    expect(code).toBe(1);
    const status = JSON.parse((await runCli(['queue', 'status', '--json'], { env })).stdout);
    expect(status).toMatchObject({ waiting: 0, finished: 1, failed: 1, failures: [{ file: join(input, 'bad.wav') }] });

    const when = { text: 'working on ', act: (kill: (signal: NodeJS.Signals) => void) => kill('SIGTERM') };
    const stopped = await runCli(worker, { env, when });
    expect(stopped.stderr).toContain('shutting down: what was begun is brought to its end');
    expect(stopped.code).toBe(0);
  });
});
