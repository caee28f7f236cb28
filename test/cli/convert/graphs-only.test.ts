import { spawnSync } from 'node:child_process';
import { mkdtemp, readdir, rename, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { checkOmDirectory } from '../../../src/convert/om-directory.ts';
import { standIn } from '../../stand-in/built.ts';
import { hasStandIn } from '../../support/npu-stand-in.ts';
import { writeRandomCheckpoint } from '../../support/random-checkpoint.ts';
import { runCli } from '../../support/run-cli.ts';

describe.skipIf(!hasStandIn)('convert.sh', () => {
  let root: string;
  beforeEach(async () => {
    root = await mkdtemp(join(tmpdir(), 'whisper-npu-graphs-'));
    await writeRandomCheckpoint(join(root, 'checkpoint'));
    const target = ['--soc', 'Ascend910B4', '--graphs-only', join(root, 'graphs')];
    const env = { WHISPER_NPU_HOME: join(root, 'store') };
    expect((await runCli(['convert', ...target, join(root, 'checkpoint')], { env })).code).toBe(0);
  });
  afterEach(() => rm(root, { recursive: true }));

  const run = (folder: string) =>
    spawnSync(join(folder, 'convert.sh'), {
      cwd: '/proc',
      encoding: 'utf8',
      env: {
        ...process.env,
        PATH: `${dirname(standIn.atc)}${delimiter}${process.env['PATH'] ?? ''}`,
        ASCEND_WORK_PATH: '/proc',
      },
    });

  test('works from any folder, and whatever ASCEND_WORK_PATH says', async () => {
    expect(run(join(root, 'graphs')).status).toBe(0);
    const files = await readdir(join(root, 'graphs'));
    expect(files).toEqual(expect.arrayContaining(['encoder.om', 'decoder-1.om', 'weight']));
  });

  test('notes which weights belong to the OM files, so that one that is missing is named', async () => {
    const graphs = join(root, 'graphs');
    expect(run(graphs).status).toBe(0);
    const check = () => checkOmDirectory(graphs, { soc: 'Ascend910B4', isStandIn: true }, () => undefined);
    await check();
    const [name = expect.fail(), another = expect.fail()] = await readdir(join(graphs, 'weight'));
    await rm(join(graphs, 'weight', name));
    const lost = { code: 'NPU_MODEL_MISSING', hint: expect.stringContaining('weight/') };
    await expect(check()).rejects.toMatchObject({ ...lost, message: `${join(graphs, 'weight', name)} is missing` });
    await rm(join(graphs, 'weight', another));
    await expect(check()).rejects.toMatchObject({ ...lost, message: expect.stringContaining('and 1 more of') });
  });

  test('says that atc takes no such path, before it begins', async () => {
    const odd = join(root, 'my (graphs)');
    await rename(join(root, 'graphs'), odd);
    const { status, stdout, stderr } = run(odd);
    expect({ status, stdout }).toEqual({ status: 1, stdout: '' });
    expect(stderr).toContain("' ()'");
  });
});
