import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { recordTexts } from '../../scripts/dry/record-texts.mjs';
import { openTokenizer } from '../../src/model/tokenizer.ts';
import type { TranscribeOptions } from '../../src/transcribe/options.ts';
import { built } from '../support/build-dist.ts';
import { models } from '../support/models.ts';
import { hasStandIn, standInEnvironment } from '../support/npu-stand-in.ts';
import { all, recordingOf, samplesOf } from '../support/recordings.ts';
import { runCli } from '../support/run-cli.ts';
import { smallEnglishDimensions, writeSmallEnglishModel } from '../support/small-english-model.ts';

type Library = typeof import('../../src/index.ts');
const library = (await import(built('index.js'))) as Library;

const brief: TranscribeOptions = { temperatures: [0] };

describe.skipIf(!hasStandIn || models.tinyEn === undefined)('a dry device', () => {
  let folder: string;
  let tokens: string;
  const knobs = ['STAND_IN_DRY', 'STAND_IN_DEVICES'];
  const common = () => ({
    model: join(folder, 'model'),
    dtype: 'float32' as const,
    offline: true,
    storeDirectory: join(folder, 'store'),
    env: { ...process.env, ...standInEnvironment },
  });
  const textOf = async (segments: AsyncIterable<{ readonly text: string }>) =>
    (await all(segments as AsyncIterable<never>)).map(({ text }) => text).join('');

  /** The file of tokens for a text over any window, behind the prompt of a model for English alone. */
  async function replay(text: string): Promise<void> {
    const tokenizer = await openTokenizer(join(folder, 'model'), smallEnglishDimensions.nVocab);
    writeFileSync(tokens, `* 2 ${[...tokenizer.encode(text), tokenizer.special.eot].join(' ')}\n`);
  }

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'whisper-npu-dry-'));
    tokens = join(folder, 'tokens.txt');
    await writeSmallEnglishModel(join(folder, 'model'), models.tinyEn ?? '');
  });
  afterAll(() => rmSync(folder, { recursive: true }));
  afterEach(() => {
    for (const knob of knobs) delete process.env[knob];
  });

  test('replays a text that another model wrote on the CPU over the same window, and fails over one that nobody recorded', async () => {
    const speech = await samplesOf('samples/espeak-en-16k.wav');
    const lines: string[] = [];
    const real = { ...common(), model: models.tinyEn ?? '', dtype: 'int8' as const };
    const cpu = await library.loadModel({ ...real, device: 'cpu', threads: 1 });
    const recorded = recordTexts(cpu, (line) => lines.push(line));
    const written = await textOf(library.transcribe(recorded, recordingOf(speech), brief));
    await cpu[Symbol.asyncDispose]();
    writeFileSync(tokens, lines.join('\n'));
    process.env['STAND_IN_DRY'] = tokens;
    const dry = await library.loadModel({ ...common(), device: 'npu' });
    try {
      expect(await textOf(library.transcribe(dry, recordingOf(speech), brief))).toBe(written);
      expect(written).toMatch(/speech recognition/i);
      const other = library.transcribe(dry, recordingOf(speech.subarray(8000)), brief);
      await expect(textOf(other)).rejects.toThrow('no tokens were recorded for the window');
    } finally {
      await dry[Symbol.asyncDispose]();
    }
  });

  test('says in a pool what it is, and replays a text over any window', async () => {
    await replay(' Any window says this.');
    Object.assign(process.env, { STAND_IN_DRY: tokens, STAND_IN_DEVICES: '3' });
    const pool = await library.openPool({ ...common(), device: 'npu:all' });
    try {
      const names = pool.status().devices.map(({ name }) => name);
      expect(names).toHaveLength(3);
      for (const name of names) expect(name).toContain('model, not measured');
      const speech = await samplesOf('samples/espeak-en-16k.wav');
      const texts = [0, 1, 2, 3].map((i) => textOf(pool.transcribe(recordingOf(speech.subarray(1000 * i)), brief)));
      for (const text of await Promise.all(texts)) expect(text.trim()).toBe('Any window says this.');
      // Beams ask for candidates, and higher temperatures for logits.
      const beams = textOf(pool.transcribe(recordingOf(speech), { ...brief, beamSize: 2 }));
      expect((await beams).trim()).toBe('Any window says this.');
    } finally {
      await pool.close();
    }
  });

  test('says it in what bench and doctor print', async () => {
    await replay(' One.');
    const env = { ...standInEnvironment, STAND_IN_DRY: tokens, WHISPER_NPU_HOME: join(folder, 'store') };
    const args = [
      '--device',
      'npu',
      '--model',
      join(folder, 'model'),
      '--dtype',
      'float32',
      '--runs',
      '1',
      '--warmup',
      '0',
    ];
    const bench = await runCli(['bench', ...args], { env });
    expect(bench.stdout).toMatch(
      /^Model, not measured: .*\n.*dry stand-in for NPU 0, Ascend910B4 \(model, not measured\)\n/,
    );
    expect(bench.stdout).toMatch(/CANN [^;]*\(model, not measured\); chip Ascend910B4 \(model, not measured\)/);
    const doctor = await runCli(['doctor'], { env });
    expect(doctor.stdout).toMatch(/^ok\s+CANN\s+a dry stand-in for CANN \(model, not measured\)/m);
    expect(doctor.stdout).toMatch(/^ok\s+NPU 0\s+dry stand-in for NPU 0, Ascend910B4 \(model, not measured\)/m);
    expect(doctor.stdout).not.toContain('self-check');
  });
});
