import { mkdtemp, readdir, rename, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { safeSettings, usualSettings } from '../../src/backend/npu/device-settings.ts';
import { convertForNpu } from '../../src/convert/prepare-npu.ts';
import { openCheckpoint } from '../../src/model/checkpoint.ts';
import { checkpointDirectory, preparedDirectory } from '../../src/model/store.ts';
import { writeManifest } from '../../src/model/stored-checkpoint.ts';
import { standIn } from '../stand-in/built.ts';
import { built } from '../support/build-dist.ts';
import { models } from '../support/models.ts';
import { hasStandIn, standInEnvironment } from '../support/npu-stand-in.ts';
import { writeSmallEnglishModel } from '../support/small-english-model.ts';

// Compiled: the CPU's backend has a worker.
const { selfCheck }: typeof import('../../src/setup/self-check.ts') = await import(built('setup/self-check.js'));

const soc = 'Ascend910B4';

describe.skipIf(!hasStandIn || models.tinyEn === undefined)('the self-check on the stand-in', () => {
  let store: string;
  beforeAll(async () => {
    store = await mkdtemp(join(tmpdir(), 'whisper-npu-self-check-'));
    const directory = checkpointDirectory(store, 'small');
    await writeSmallEnglishModel(directory, models.tinyEn ?? '');
    const files = (await readdir(directory)).map((name) => ({ name }));
    await writeManifest(directory, { version: 1, format: 'huggingface', source: 'a test', files });
    const options = { atc: standIn.atc, place: { store, model: 'small' }, logPath: join(store, 'atc.log') };
    await convertForNpu(await openCheckpoint(directory), { soc, dtype: 'f32' }, options);
  });
  afterAll(() => rm(store, { recursive: true }));

  test('keeps the settings that give what the safe ones give', async () => {
    const check = await selfCheck(standInEnvironment, store, 0);
    expect(check).toMatchObject({ soc, settings: usualSettings, inPlaceRows: true, queuedSteps: true });
    expect(check?.agreement).toBeGreaterThan(0.9);
  });

  test('keeps what another device of the kind has left, and tries no more', async () => {
    const check = await selfCheck(standInEnvironment, store, 0, new Map([[soc, safeSettings]]));
    expect(check?.settings).toEqual(safeSettings);
  });

  test('passes over OM files of another version of the graphs', async () => {
    const prepared = preparedDirectory(store, 'small');
    const [name = expect.fail()] = (await readdir(prepared)).filter((folder) => folder.startsWith('npu-'));
    await rename(join(prepared, name), join(prepared, name.replace(/-v\d+-/, '-v0-')));
    expect(await selfCheck(standInEnvironment, store, 0)).toBeUndefined();
  });
});
