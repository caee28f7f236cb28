import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { storeDirectory } from '../../src/model/store.ts';
import { type OpenModelOptions, openModel } from '../../src/setup/open-model.ts';
import { models } from '../support/models.ts';
import { hasStandIn, standInEnvironment } from '../support/npu-stand-in.ts';
import { writeSmallEnglishModel } from '../support/small-english-model.ts';

describe.skipIf(!hasStandIn || models.tinyEn === undefined)('opening a model on the stand-in for CANN', () => {
  let store: string;
  beforeAll(async () => {
    store = await mkdtemp(join(tmpdir(), 'whisper-npu-open-'));
    await writeSmallEnglishModel(join(store, 'small'), models.tinyEn ?? '');
  });
  afterAll(() => rm(store, { recursive: true }));

  /** Opens and closes it. @returns the graphs that were converted for it */
  async function converted(changes: Partial<OpenModelOptions> = {}): Promise<string[]> {
    const graphs: string[] = [];
    await using _ = await openModel({
      model: join(store, 'small'),
      device: { kind: 'npu', index: 0 },
      dtype: 'float16',
      context: { storeDirectory: store, env: { ...process.env, ...standInEnvironment }, offline: true },
      threads: 1,
      onConvert: (event) => event.kind === 'atc' && graphs.push(event.graph),
      ...changes,
    });
    return graphs;
  }

  test('converts what is asked for, once', async () => {
    const greedy = 'greedy-1-448-50256-50363';
    expect(await converted()).toEqual(['encoder', 'decoder-1', 'decoder-4', 'rows-64-1-448', greedy]);
    expect(await converted({ beams: 5 })).toEqual(['rows-5-1-1344-10']);
    expect(await converted({ beams: 5, windows: 2, wordTimes: true })).toEqual(['rows-10-2-1344-10', 'aligner-64']);
    expect(await converted({ beams: 5, wordTimes: true })).toEqual([]);
  });
});

test.skipIf(models.tinyEn === undefined)(
  'weights are not loaded into the CPU’s memory where that is refused',
  async () => {
    const asked: number[] = [];
    const opening = openModel({
      model: models.tinyEn ?? '',
      device: { kind: 'cpu' },
      context: { storeDirectory: storeDirectory(process.env), env: process.env, offline: true },
      threads: 1,
      onCpuLoad(weightsBytes) {
        asked.push(weightsBytes);
        throw new Error('there is no room');
      },
    });
    await expect(opening).rejects.toThrow('there is no room');
    expect(asked).toEqual([expect.any(Number)]);
    expect(asked[0]).toBeGreaterThan(100e6); // 38 million parameters of whisper-tiny.en in float32
  },
);
