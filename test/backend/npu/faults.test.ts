import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import type { EncodedAudio, StepResult } from '../../../src/backend/backend.ts';
import { NpuError } from '../../../src/errors.ts';
import { greedyAlone } from '../../support/append.ts';
import {
  convertWithStandIn,
  hasStandIn,
  openOnStandIn,
  startTrace,
  type TracedCall,
} from '../../support/npu-stand-in.ts';
import {
  smallDimensions as dimensions,
  smallGeneration as generation,
  randomValues,
  writeRandomCheckpoint,
} from '../../support/random-checkpoint.ts';

const fault = 500002;
/** An error of one call, a lost device, a broken context, a device that is late. */
const codes = [fault, 507010, 507015, 507046];

interface Fault {
  readonly name: string;
  readonly nth: number;
  readonly code: number;
}

/**
 * Faults for the places that call ACL, told apart by what they copy and by what was called before: every function meets
 * two of the codes in turn, at two places. (native_test fails every single call with all of them.)
 */
function faults(calls: readonly TracedCall[]): Fault[] {
  const counts = new Map<string, number>();
  const places = new Map<string, Map<string, number>>();
  let before = '';
  for (const { function: name, direction } of calls) {
    const nth = (counts.get(name) ?? 0) + 1;
    counts.set(name, nth);
    const known = places.get(name) ?? new Map<string, number>();
    places.set(name, known);
    const place = `${direction} behind ${before}`;
    if (!known.has(place)) known.set(place, nth);
    before = name;
  }
  return [...places].flatMap(([name, known], at) => {
    const all = /^aclmdlGet|Version|Name/.test(name) ? 1 : 2; // questions about a description on the host
    const every = [...new Set([...known.values(), counts.get(name) ?? 1])];
    const nths = every.filter((_, i) => i % Math.ceil(every.length / all) === 0);
    return Array.from({ length: all }, (_, i) => {
      return { name, nth: nths[i % nths.length] ?? 1, code: codes[(2 * at + i) % codes.length] ?? fault };
    });
  });
}
const mask = new Float32Array(dimensions.nVocab);
const logMels = [1, 2].map((seed) => randomValues(dimensions.nMels * 2 * dimensions.nAudioCtx, seed));

describe.skipIf(!hasStandIn)('a failing call of ACL', () => {
  let root: string;
  let om: string;
  let tokens: number[];
  let readTrace: ReturnType<typeof startTrace>;
  /** What a whole run calls. */
  let calls: TracedCall[];
  const callsOf = (name: string) => calls.filter((call) => call.function === name);
  /** Calls whose failure has nobody to be told: they only tell what something is called or free it. */
  const untold =
    /^acl(rt)?(mdl)?(Destroy|Free|Reset|Unload|Finalize|rtFree|rtReset|rtDestroy)|GetRecentErrMsg|Name|Version/;

  beforeAll(async () => {
    root = await mkdtemp(join(tmpdir(), 'whisper-npu-faults-'));
    await writeRandomCheckpoint(join(root, 'checkpoint'), { dimensions, generation });
    om = await convertWithStandIn(join(root, 'checkpoint'), root, 'f32', { beams: 2, windows: 2, wordTimes: true });
    readTrace = startTrace();
    tokens = await transcribe();
    calls = readTrace().filter((call) => call.function.startsWith('acl'));
  });
  afterAll(() => rm(root, { recursive: true }));
  afterEach(() => {
    delete process.env['STAND_IN_FAIL'];
  });

  type Attempt = <T>(work: () => Promise<T>) => Promise<T>;
  const once: Attempt = (work) => work();

  /** A bit of everything. @returns the likeliest tokens along the way */
  async function transcribe(attempt: Attempt = once): Promise<number[]> {
    await using backend = await openOnStandIn(om, dimensions);
    await using audio = await attempt(() => backend.encode(logMels.map((logMel) => logMel.slice())));
    return [
      ...(await attempt(() => greedy(audio))),
      ...(await beams(audio, attempt)),
      ...(await twoWindows(audio, attempt)),
      ...(await aligned(audio, attempt)),
    ];
  }

  async function greedy(audio: EncodedAudio): Promise<readonly number[]> {
    await using run = await audio.startDecoder(0);
    const request = { prompts: [[1, 2, 3, 4, 5]], beginSuppress: mask, suppress: mask, stopToken: -1, maxTokens: 5 };
    return (await greedyAlone(run, request)).tokens;
  }

  /** Three sequences where the graph takes two, until the log is full: rows are moved together, and sequences taken alone. */
  async function beams(audio: EncodedAudio, attempt: Attempt): Promise<number[]> {
    await using run = await attempt(() => audio.startDecoder(1));
    const tokens = [[5], [6], [7]];
    const forward = (parents: readonly number[]) => attempt(() => run.forward({ tokens, parents }));
    await attempt(() => run.forward({ tokens: [[1, 2, 3]] }));
    await forward([0, 0, 0]);
    for (let step = 0; step < 6; step++) await forward([0, 1, 2]);
    await forward([1, 1, 1]);
    return likeliest(await forward([2, 0, 1]));
  }

  async function twoWindows(audio: EncodedAudio, attempt: Attempt): Promise<number[]> {
    await using run = await attempt(() => audio.startDecoder());
    await attempt(() => run.forward({ tokens: [[1], [2]] }));
    const tokens = [[3], [4], [5], [6]];
    return likeliest(await attempt(() => run.forward({ tokens, parents: [0, 0, 1, 1] })));
  }

  async function aligned(audio: EncodedAudio, attempt: Attempt): Promise<number[]> {
    await using run = await attempt(() => audio.startDecoder(0));
    const { attention = new Float32Array(), logits } = await attempt(() =>
      run.forward({ tokens: [[1, 2]], attention: true }),
    );
    return [...likeliest({ logits }), attention.indexOf(Math.max(...attention))];
  }

  function likeliest({ logits }: StepResult): number[] {
    const sequences = Array.from({ length: logits.length / dimensions.nVocab }, (_, text) =>
      logits.subarray(text * dimensions.nVocab, (text + 1) * dimensions.nVocab),
    );
    return sequences.map((ofText) => ofText.indexOf(Math.max(...ofText)));
  }

  test('every function that a run calls is known to this test', () => {
    const functions = new Set(calls.map((call) => call.function));
    expect([...functions]).toContain('aclmdlExecuteAsync');
    expect(functions.size).toBeGreaterThan(30);
  });

  test('anywhere gives an NpuError that names it, leaks nothing, and leaves a process that works', async () => {
    let seen = readTrace().length;
    for (const { name, nth, code } of faults(calls)) {
      process.env['STAND_IN_FAIL'] = `${name}:${nth}:${code}`;
      const result = await transcribe().catch((error: unknown) => error);
      delete process.env['STAND_IN_FAIL'];
      const where = `${name}, call ${nth}, code ${code}`;
      if (result instanceof NpuError) expect(result.message, where).toContain(name);
      else expect(result, where).toEqual(tokens);
      if (!untold.test(name)) expect(result, where).toBeInstanceOf(NpuError);
      const lines = readTrace();
      expect(
        lines.slice(seen).filter(({ event }) => event !== undefined),
        where,
      ).toEqual([]);
      seen = lines.length;
    }
    expect(await transcribe()).toEqual(tokens);
  });

  /** Lets one call fail, and does once more what failed by it. */
  async function failOnce(name: string, nth: number): Promise<{ failures: number; result: unknown }> {
    let failures = 0;
    process.env['STAND_IN_FAIL'] = `${name}:${nth}:${fault}`;
    const twice: Attempt = async (work) => {
      try {
        return await work();
      } catch (error) {
        if (!(error instanceof NpuError)) throw error;
        failures++;
        return await work();
      }
    };
    return { result: await transcribe(twice).catch((error: unknown) => error), failures };
  }

  test('leaves sequences as they were: the same call once more gives the same', async () => {
    let total = 0;
    for (const name of ['aclmdlExecuteAsync', 'aclUpdateDataBuffer', 'aclrtMalloc', 'aclmdlAddDatasetBuffer']) {
      const count = callsOf(name).length;
      for (let nth = count; nth > 0; nth -= Math.ceil(count / 6)) {
        const { result, failures } = await failOnce(name, nth);
        if (failures === 0) expect(result, `${name}, call ${nth}`).toBeInstanceOf(NpuError);
        else expect(result, `${name}, call ${nth}`).toEqual(tokens);
        total += failures;
      }
    }
    expect(total).toBeGreaterThan(10);
  });

  test('while rows move loses the text, and says so', async () => {
    const codes = new Set<unknown>();
    const copies = callsOf('aclrtMemcpyAsync').flatMap(({ direction }, i) => (direction === 'D2D' ? [i + 1] : []));
    for (const nth of copies.filter((_, i) => i % Math.ceil(copies.length / 8) === 0)) {
      const { result, failures } = await failOnce('aclrtMemcpyAsync', nth);
      expect(failures, `copy ${nth}`).toBeGreaterThan(0);
      if (result instanceof NpuError) codes.add(result.code);
      else expect(result, `copy ${nth}`).toEqual(tokens);
    }
    expect(codes).toEqual(new Set(['NPU_TEXT_LOST']));
  });
});
