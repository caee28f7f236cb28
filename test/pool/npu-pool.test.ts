import { mkdtempSync, rmSync } from 'node:fs';
import { copyFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { seededRandom } from '../../src/decoding/random.ts';
import type { TranscribeOptions } from '../../src/transcribe/options.ts';
import type { Segment } from '../../src/transcribe/segment.ts';
import { built } from '../support/build-dist.ts';
import { models } from '../support/models.ts';
import { hasStandIn, standInEnvironment } from '../support/npu-stand-in.ts';
import { writeRandomCheckpoint } from '../support/random-checkpoint.ts';
import { all, recordingOf, samplesOf } from '../support/recordings.ts';
import { smallEnglishDimensions } from '../support/small-english-model.ts';

type Library = typeof import('../../src/index.ts');
const library = (await import(built('index.js'))) as Library;

/** Rounds with NPUs that fail; where they are asked for, NPUs hang too, which takes a minute each to be noticed. */
const nRounds = Number(process.env['WHISPER_NPU_TEST_POOL_ROUNDS'] ?? 2);
const isSoak = process.env['WHISPER_NPU_TEST_POOL_ROUNDS'] !== undefined;
const firstRound = Number(process.env['WHISPER_NPU_TEST_POOL_FIRST_ROUND'] ?? 1);
const nDevices = Number(process.env['WHISPER_NPU_TEST_POOL_DEVICES'] ?? 3);

const brief: TranscribeOptions = { language: 'en', temperatures: [0] };

describe.skipIf(!hasStandIn || models.tinyEn === undefined)('a pool of NPUs, on the stand-in', () => {
  let store: string;
  let speech: Float32Array;
  let expected: Segment[][];
  const nRecordings = 3;
  const knobs = ['STAND_IN_LOSE_DEVICE', 'STAND_IN_HANG', 'STAND_IN_FAIL', 'STAND_IN_DEVICES'];

  const open = (device: string, told: string[] = []) =>
    library.openPool({
      model: join(store, 'model'),
      dtype: 'float32',
      device,
      batchSize: 2,
      offline: true,
      storeDirectory: join(store, 'store'),
      env: { ...process.env, ...standInEnvironment },
      onWarning: (line) => told.push(line),
    });
  const recordings = () => Array.from({ length: nRecordings }, (_, i) => recordingOf(speech.subarray(8000 * i)));

  beforeAll(async () => {
    store = mkdtempSync(join(tmpdir(), 'whisper-npu-pool-'));
    // Its texts are short: what it says has no meaning and no end.
    const dimensions = { ...smallEnglishDimensions, nTextCtx: 64 };
    await writeRandomCheckpoint(join(store, 'model'), { dimensions, dtype: 'f16' });
    await copyFile(join(models.tinyEn ?? '', 'tokenizer.json'), join(store, 'model', 'tokenizer.json'));
    speech = await samplesOf('samples/espeak-en-16k.wav');
    await using pool = await open('npu:0');
    expected = [];
    for (const recording of recordings()) expected.push(await all(pool.transcribe(recording, brief)));
  });
  afterAll(() => rmSync(store, { recursive: true }));
  afterEach(() => {
    for (const knob of knobs) delete process.env[knob];
  });

  test('gives each recording what one NPU alone gives it', async () => {
    process.env['STAND_IN_DEVICES'] = String(nDevices);
    const told: string[] = [];
    await using pool = await open('npu:all', told);
    expect(pool.status().devices).toHaveLength(nDevices);
    const given = await Promise.all(recordings().map((recording) => all(pool.transcribe(recording, brief))));
    expect(given).toEqual(expected);
    expect(told).toEqual([]);
  });

  test.each(Array.from({ length: nRounds }, (_, i) => firstRound + i))(
    'gives it too while NPUs are lost, hang or run out of memory: round %i',
    async (round) => {
      const random = seededRandom(round);
      const below = (limit: number) => Math.floor(random() * limit);
      const faults = Array.from({ length: 1 + below(Math.min(3, nDevices - 1)) }, () => ({
        knob: ['STAND_IN_LOSE_DEVICE', 'STAND_IN_FAIL', 'STAND_IN_HANG'][below(isSoak ? 3 : 2)] as string,
        nth: 1 + below(20 * nRecordings),
      }));
      for (const { knob, nth } of faults) {
        const fault = knob === 'STAND_IN_FAIL' ? `aclmdlExecuteAsync:${nth}:207018` : `aclmdlExecuteAsync:${nth}`;
        process.env[knob] = [process.env[knob], fault].filter(Boolean).join(',');
      }
      process.env['STAND_IN_DEVICES'] = String(nDevices);
      const told: string[] = [];
      await using pool = await open('npu:all', told);
      const given = await Promise.all(recordings().map((recording) => all(pool.transcribe(recording, brief))));
      expect(given).toEqual(expected);
      expect(told.filter((line) => line.includes('has failed')).length).toBeGreaterThan(0);
      if (isSoak) console.log(`round ${round}: ${JSON.stringify(faults)}`, told);
    },
  );
});
