import { existsSync, readFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  loadCpuAddon,
  type NativeAudio,
  type NativeCache,
  type NativeModel,
  type NativeModelOptions,
  type NativeStepRequest,
} from '../../../src/backend/cpu/cpu-addon.ts';
import { prepareCpu } from '../../../src/convert/prepare-cpu.ts';
import { openCheckpoint } from '../../../src/model/checkpoint.ts';
import { readWeightsTable, weightsFile } from '../../../src/model/weights-table.ts';
import { writeRandomCheckpoint } from '../../support/random-checkpoint.ts';
import { contractDimensions as dimensions } from '../contract.ts';

const addon = loadCpuAddon(dimensions);

// Linux says by itself what the processor and its own switching of threads allow.
const flags =
  process.arch === 'x64' && existsSync('/proc/cpuinfo')
    ? /^flags\s*:(.*)$/m.exec(readFileSync('/proc/cpuinfo', 'utf8'))?.[1]?.trim().split(' ')
    : undefined;
test.skipIf(flags === undefined)('the levels of a processor are those that the kernel says it has', () => {
  const has = (...names: string[]) => names.every((name) => flags?.includes(name));
  const avx2 = has('avx2', 'fma', 'f16c');
  const avxvnni = avx2 && has('avx_vnni');
  const avx512 = avx2 && has('avx512f', 'avx512bw', 'avx512vl', 'avx512dq', 'avx512_vnni');
  const levels = { plain: true, avx2, avxvnni, avx512 };
  expect(addon.levels()).toEqual(Object.entries(levels).flatMap(([level, isThere]) => (isThere ? [level] : [])));
});

// What would read or write memory of others must be refused here: behind it nothing is checked.
describe("the boundary of the CPU engine's addon", () => {
  const { load, allocateAudio, freeAudio, encode, createCache, step, logits, choose } = addon;
  const { nMels, nAudioCtx, nTextCtx, nVocab } = dimensions;
  let root: string;
  let options: NativeModelOptions;
  let model: NativeModel;
  let audio: NativeAudio;
  let cache: NativeCache;
  beforeAll(async () => {
    root = await mkdtemp(join(tmpdir(), 'whisper-npu-addon-'));
    await writeRandomCheckpoint(join(root, 'checkpoint'), { dimensions });
    const directory = await prepareCpu(await openCheckpoint(join(root, 'checkpoint')), {
      store: root,
      model: 'random',
    });
    const table = await readWeightsTable(directory);
    options = {
      level: addon.levels().at(-1) ?? 'plain',
      path: join(directory, weightsFile),
      ...table,
      dimensions,
      threads: 2,
    };
    model = load(options);
    audio = allocateAudio(model, 2);
    cache = createCache(model);
    for (const window of [0, 1]) encode(model, new Float32Array(nMels * 2 * nAudioCtx), audio, window);
  });
  afterAll(() => rm(root, { recursive: true }));

  type Step = Omit<NativeStepRequest, 'audio' | 'cache' | 'attention'>;
  const stepOf = (model: NativeModel, audio: NativeAudio, cache: NativeCache, given: Step) =>
    step(model, [{ audio, cache, attention: false, ...given }]);
  const of = (...values: number[]) => Int32Array.from(values);
  const token: Step = {
    tokens: of(1),
    positions: of(0),
    width: 1,
    firstRow: 0,
    windows: of(0),
    pastRows: of(),
    pastEnds: of(0),
  };

  test.each<[string, Partial<Step>, string]>([
    ['a token that there is not', { tokens: of(nVocab) }, 'token 300'],
    ['a negative token', { tokens: of(-1) }, 'token -1'],
    ['a place behind the longest text', { positions: of(nTextCtx) }, 'position 200'],
    ['a window that there is not', { windows: of(2) }, 'window 2'],
    ['more windows than sequences', { windows: of(0, 1) }, 'do not fit together'],
    ['fewer places than tokens', { positions: of() }, 'do not fit together'],
    ['a negative first row', { firstRow: -1 }, 'firstRow is negative'],
    ['rows left out', { firstRow: 2 ** 53 - 1 }, 'not have as many entries yet'],
    ['bytes for tokens', { tokens: Uint8Array.of(1) as never }, 'tokens is an array of another type'],
    ['a negative width', { width: -1 }, 'width is negative'],
    ['past entries that nobody wrote', { pastRows: of(0), pastEnds: of(1) }, 'cache entry 0'],
    ['past entries behind the first new one', { pastRows: of(1), pastEnds: of(1), firstRow: 1 }, 'cache entry 1'],
    ['ends behind the past entries', { firstRow: 1, pastRows: of(0), pastEnds: of(2) }, 'end of a sequence 2'],
    [
      'a text that is too long',
      { firstRow: 1, pastRows: new Int32Array(nTextCtx), pastEnds: of(nTextCtx) },
      'longer than 200',
    ],
  ])('refuses a step with %s', (_, change, message) => {
    stepOf(model, audio, cache, token);
    expect(() => stepOf(model, audio, cache, { ...token, ...change })).toThrow(message);
    stepOf(model, audio, cache, token);
    expect(logits(model, of(0)).every(Number.isFinite)).toBe(true);
  });

  test('refuses rows that the last step had not, and masks and spectrograms of another size', () => {
    stepOf(model, audio, cache, token);
    for (const row of [-1, 1]) {
      expect(() => logits(model, of(row))).toThrow(`row ${row}`);
      expect(() => choose(model, row, new Float32Array(nVocab), -1)).toThrow(`row ${row}`);
    }
    expect(() => choose(model, 0, new Float32Array(nVocab - 1), -1)).toThrow('the mask');
    expect(() => encode(model, new Float32Array(9), audio, 0)).toThrow('log-mel');
    const bytes = new Uint8Array(nMels * 2 * nAudioCtx) as never;
    expect(() => encode(model, bytes, audio, 0)).toThrow('another type');
    expect(() => encode(model, new Float32Array(nMels * 2 * nAudioCtx), audio, 2)).toThrow('window 2');
  });

  test('refuses two requests of a step with the same cache', () => {
    const part = { audio, cache, attention: false, ...token };
    expect(() => step(model, [part, part])).toThrow('the same cache');
    expect(step(model, [part, { ...part, cache: createCache(model) }])).toHaveLength(2);
  });

  test('tells its things apart, and from what is not its own', () => {
    const another = cache as unknown as NativeAudio;
    expect(() => stepOf(model, another, cache, token)).toThrow('another thing');
    expect(() => stepOf({} as NativeModel, audio, cache, token)).toThrow('another thing');
    expect(() => logits(audio as unknown as NativeModel, of(0))).toThrow('another thing');
  });

  test("refuses another model's audio", () => {
    const another = load({ ...options, threads: 1 });
    expect(() => stepOf(another, audio, createCache(another), token)).toThrow('another model');
    expect(() => encode(another, new Float32Array(nMels * 2 * nAudioCtx), audio, 0)).toThrow('another model');
  });

  test.each<[string, object]>([
    ['no threads', { threads: 0 }],
    ['no heads', { dimensions: { ...dimensions, nTextHead: 0 } }],
    ['no layers', { dimensions: { ...dimensions, nAudioLayer: 0 } }],
    ['a state that is no multiple of 64', { dimensions: { ...dimensions, nAudioState: 80, nTextState: 80 } }],
  ])('refuses a model with %s', (_, change) => {
    expect(() => load({ ...options, ...change })).toThrow('no engine for these sizes');
  });

  test('refuses audio that was freed', () => {
    const freed = allocateAudio(model, 1);
    freeAudio(freed);
    expect(() => stepOf(model, freed, cache, token)).toThrow('freed');
    expect(() => encode(model, new Float32Array(nMels * 2 * nAudioCtx), freed, 0)).toThrow('freed');
    freeAudio(freed); // once more does no harm
  });

  test('says that memory is full, by a code', () => {
    const asked = () => allocateAudio(model, 2 ** 30);
    expect(asked).toThrow(expect.objectContaining({ code: 'OUT_OF_MEMORY' }));
  });
});
