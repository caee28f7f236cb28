import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type {
  CpuAddon,
  NativeAudio,
  NativeCache,
  NativeModel,
  NativeStepRequest,
} from '../../../src/backend/cpu/cpu-addon.ts';
import { NativeEngine } from '../../../src/backend/cpu/native-engine.ts';
import { smallDimensions as dimensions } from '../../support/random-checkpoint.ts';

interface ScriptedAddon {
  readonly addon: CpuAddon;
  readonly audios: { readonly windows: number; freed: boolean }[];
  readonly caches: object[];
  readonly encoded: { readonly audio: object; readonly window: number }[];
  /** The parts of each. */
  readonly shared: (readonly NativeStepRequest[])[];
}

/** An addon that computes nothing and remembers which memory it was given: it runs on every processor. */
function scriptedAddon(): ScriptedAddon {
  const [audios, caches, encoded, shared]: [
    ScriptedAddon['audios'],
    ScriptedAddon['caches'],
    ScriptedAddon['encoded'],
    ScriptedAddon['shared'],
  ] = [[], [], [], []];
  const addon: CpuAddon = {
    interfaceVersion: 0,
    levels: () => ['plain'],
    fits: () => true,
    load: () => ({}) as NativeModel,
    allocateAudio(_, windows) {
      const audio = { windows, freed: false };
      audios.push(audio);
      return audio as unknown as NativeAudio;
    },
    freeAudio(audio) {
      (audio as unknown as ScriptedAddon['audios'][number]).freed = true;
    },
    encode: (_model, _logMel, audio, window) => void encoded.push({ audio, window }),
    encoderOutput: () => new Float32Array(1),
    createCache() {
      const cache = {};
      caches.push(cache);
      return cache as NativeCache;
    },
    step(_, parts) {
      shared.push(parts);
      return parts.map(({ attention }, i) => (attention ? Float32Array.of(i + 0.5) : undefined));
    },
    logits: (_, rows) => Float32Array.from({ length: rows.length * dimensions.nVocab }, () => rows[0] ?? -1),
    choose: (_, row) => ({ token: row + shared.length, logprob: -shared.length, logprobError: 0.01 * shared.length }),
    probe: () => ({ logits: new Float32Array(1), blocks: {} }),
    times: () => [],
  };
  return { addon, audios, caches, encoded, shared };
}

let directory: string;
beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), 'whisper-npu-native-engine-'));
  writeFileSync(join(directory, 'weights.json'), JSON.stringify({ alignmentHeads: [], tensors: [] }));
});
afterAll(() => rmSync(directory, { recursive: true }));

async function opened() {
  const scripted = scriptedAddon();
  const engine = await NativeEngine.open(scripted.addon, { directory, dimensions, threads: 1 });
  return { engine, ...scripted };
}
const mask = new Float32Array(dimensions.nVocab);
const request = { prompts: [[1, 2, 3]], beginSuppress: mask, suppress: mask, stopToken: -1, maxTokens: 3 };
const values = (array: Int32Array | undefined) => [...(array ?? [])];

describe('our own engine and the memory it works in', () => {
  test('uses the cache of a text that is over for the next one, and never one cache for two', async () => {
    const { engine, caches, shared } = await opened();
    const audio = await engine.encode([new Float32Array()]);
    const [first, second] = [audio.startDecoder(0), audio.startDecoder(0)];
    await first.forward({ tokens: [[1]] });
    await second.forward({ tokens: [[1]] });
    expect(caches).toHaveLength(2);
    expect(shared.map(([part]) => part?.cache)).toEqual(caches);
    expect(shared[0]?.[0]?.cache).not.toBe(shared[1]?.[0]?.cache);
    first.close();
    for (let text = 0; text < 50; text++) {
      const next = audio.startDecoder(0);
      await next.forward({ tokens: [[1]] });
      expect(shared.at(-1)?.[0]?.cache).toBe(caches[0]);
      next.close();
    }
    expect(caches).toHaveLength(2);
  });

  test('uses the memory of released windows for the next ones, and frees what is too small for them', async () => {
    const { engine, audios, encoded } = await opened();
    for (let recording = 0; recording < 10; recording++) (await engine.encode([new Float32Array()])).release();
    expect(audios).toEqual([{ windows: 1, freed: false }]);
    const held = await engine.encode([new Float32Array(), new Float32Array()]);
    expect(audios).toEqual([
      { windows: 1, freed: true },
      { windows: 2, freed: false },
    ]);
    expect(encoded.slice(-2)).toEqual([
      { audio: audios[1], window: 0 },
      { audio: audios[1], window: 1 },
    ]);
    await engine.encode([new Float32Array()]);
    expect(audios).toHaveLength(3);
    held.release();
  });
});

describe("a text of our own engine's", () => {
  test('writes every row behind the rows before it, and says which of them each text sees', async () => {
    const { engine, shared } = await opened();
    const run = (await engine.encode([new Float32Array(), new Float32Array()])).startDecoder();
    await run.forward({
      tokens: [
        [1, 2],
        [3, 4],
      ],
    });
    await run.forward({ tokens: [[5], [6], [7], [8]], parents: [0, 0, 1, 1] });
    const [prompt, beams] = shared.flat();
    expect([values(prompt?.tokens), values(prompt?.positions), prompt?.width, prompt?.firstRow]).toEqual([
      [1, 2, 3, 4],
      [0, 1, 0, 1],
      2,
      0,
    ]);
    expect([values(prompt?.windows), values(prompt?.pastRows), values(prompt?.pastEnds)]).toEqual([[0, 1], [], [0, 0]]);
    expect([values(beams?.tokens), values(beams?.positions), beams?.width, beams?.firstRow]).toEqual([
      [5, 6, 7, 8],
      [2, 2, 2, 2],
      1,
      4,
    ]);
    expect(values(beams?.windows)).toEqual([0, 0, 1, 1]);
    expect([values(beams?.pastRows), values(beams?.pastEnds)]).toEqual([
      [0, 1, 0, 1, 2, 3, 2, 3],
      [2, 4, 6, 8],
    ]);
  });

  test('decodes greedily from the last token of the prompt on, and stops when it is aborted', async () => {
    const { engine, shared } = await opened();
    const audio = await engine.encode([new Float32Array()]);
    const { sequences } = await audio.startDecoder(0).greedy(request, () => false);
    expect(sequences).toEqual([{ tokens: [3, 2, 3], logprobs: [-1, -2, -3], logprobErrors: [0.01, 0.02, 0.03] }]);
    expect(shared.flat().map(({ tokens, firstRow }) => [values(tokens), firstRow])).toEqual([
      [[1, 2, 3], 0],
      [[3], 3],
      [[2], 4],
    ]);
    const before = shared.length;
    await audio.startDecoder(0).greedy({ ...request, maxTokens: 10 }, () => shared.length - before === 2);
    expect(shared.length - before).toBe(2);
  });

  test('gives attention where it was asked for', async () => {
    const { engine } = await opened();
    const run = (await engine.encode([new Float32Array()])).startDecoder(0);
    expect(await run.forward({ tokens: [[1]], attention: true })).toHaveProperty('attention', Float32Array.of(0.5));
    expect(await run.forward({ tokens: [[1]] })).not.toHaveProperty('attention');
  });
});

describe('sequences that are continued at the same time', () => {
  test('share a step, and each reads its own rows of it', async () => {
    const { engine, shared } = await opened();
    const audios = [await engine.encode([new Float32Array()]), await engine.encode([new Float32Array()])];
    const [first, second] = audios.map((audio) => audio.startDecoder());
    const [one, two] = await Promise.all([
      first?.forward({ tokens: [[1, 2, 3]], logitsFrom: 0 }),
      second?.forward({ tokens: [[4]], attention: true }),
    ]);
    expect(shared.map((parts) => parts.map(({ tokens }) => values(tokens)))).toEqual([[[1, 2, 3], [4]]]);
    expect([one?.logits[0], two?.logits[0]]).toEqual([0, 3]);
    expect([one?.attention, two?.attention]).toEqual([undefined, Float32Array.of(1.5)]);
  });

  test('share steps for as long as both go on, whoever came first', async () => {
    const { engine, shared } = await opened();
    const runs = [await engine.encode([new Float32Array()]), await engine.encode([new Float32Array()])].map((audio) =>
      audio.startDecoder(),
    );
    const going = runs.map((run, i) => run.greedy({ ...request, maxTokens: 2 + 2 * i }, () => false));
    await Promise.all(going);
    expect(shared.map((parts) => parts.length)).toEqual([2, 2, 1, 1]);
  });

  test('go on when one of them has been ended or fails', async () => {
    const { engine, shared } = await opened();
    const audio = await engine.encode([new Float32Array()]);
    const [ended, going] = [audio.startDecoder(0), audio.startDecoder(0)];
    const both = [ended.forward({ tokens: [[1]] }), going.forward({ tokens: [[2]] })];
    ended.close();
    const [failed, done] = await Promise.allSettled(both);
    expect([failed?.status, done?.status]).toEqual(['rejected', 'fulfilled']);
    expect(shared.map((parts) => parts.length)).toEqual([1]);
  });
});
