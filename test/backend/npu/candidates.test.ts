import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Backend, CandidatesRequest } from '../../../src/backend/backend.ts';
import { candidatesBehind } from '../../../src/backend/candidates.ts';
import type { Candidate } from '../../../src/logits/candidates.ts';
import { rowsOf } from '../../../src/logits/rows.ts';
import { expectClose } from '../../support/compare.ts';
import {
  convertWithStandIn,
  hasStandIn,
  openOnStandIn,
  startTrace,
  type TracedCall,
} from '../../support/npu-stand-in.ts';
import { randomValues, writeRandomCheckpoint } from '../../support/random-checkpoint.ts';
import { contractDimensions } from '../contract.ts';

/** A log as long as every model's, and a vocabulary that is cut into blocks. */
const dimensions = { ...contractDimensions, nTextCtx: 448, nVocab: 5003 };
const beams = 5;
const steps = 6;
const timestampBegin = 3500;
const rules = { eot: 3000, noTimestamps: timestampBegin - 1, timestampBegin, maxInitialIndex: 50 };
const suppress = new Float32Array(dimensions.nVocab);
for (let i = 0; i < 90; i++) suppress[7 * i] = Number.NEGATIVE_INFINITY;

describe.skipIf(!hasStandIn)('five beams on the stand-in for CANN', () => {
  let root: string;
  const om: Record<string, string> = {};
  beforeAll(async () => {
    root = await mkdtemp(join(tmpdir(), 'whisper-npu-candidates-'));
    await writeRandomCheckpoint(join(root, 'checkpoint'), { dimensions });
    for (const dtype of ['f32', 'f16'] as const)
      om[dtype] = await convertWithStandIn(join(root, 'checkpoint'), join(root, dtype), dtype, { beams });
  });
  afterAll(() => rm(root, { recursive: true }));

  interface ExecutionPlan {
    readonly isTimed: boolean;
    /** Whether they are taken from logits that have come down. */
    readonly byLogits?: boolean;
    /** Called when the graph has been loaded. */
    readonly before?: () => void;
  }

  /** Texts that branch and go on, with the candidates of every step. */
  async function search(backend: Backend, { isTimed, byLogits, before }: ExecutionPlan): Promise<Candidate[][][]> {
    await using audio = await backend.encode([randomValues(dimensions.nMels * 2 * dimensions.nAudioCtx, 1)]);
    await using run = await audio.startDecoder();
    await run.forward({ tokens: [[1, 2, 3, 4]] });
    let sequences: number[][] = [[]];
    const found: Candidate[][][] = [];
    for (let step = 0; step < steps; step++) {
      if (step === 1) before?.();
      const parents = Array.from({ length: beams }, (_, beam) => (step === 0 ? 0 : (beam + step) % beams));
      const tokens = parents.map((_, beam) => [step === 2 ? timestampBegin + 40 + beam : 100 * step + beam]);
      sequences = parents.map((source, beam) => [...sequences[source]!, ...tokens[beam]!]);
      const request: CandidatesRequest = {
        count: 6,
        suppress,
        ...(isTimed ? { timestamps: { rules, sequences } } : {}),
      };
      if (byLogits) {
        const { logits } = await run.forward({ tokens, parents });
        const [rows = []] = rowsOf(logits, dimensions.nVocab, 1);
        found.push(rows.map((row, text) => candidatesBehind(row, text, request)));
      } else found.push(await run.candidates({ tokens, parents }, request));
    }
    return found;
  }

  describe.each([
    ['without timestamps', false],
    ['with timestamps', true],
  ])('%s', (_, isTimed) => {
    let calls: TracedCall[];
    beforeAll(async () => {
      const readTrace = startTrace();
      await using backend = await openOnStandIn(om['f32'] ?? '', dimensions);
      let begin = 0;
      const before = () => {
        begin = readTrace().length;
      };
      await search(backend, { isTimed, before });
      calls = readTrace().slice(begin);
    });
    const bytes = (direction: string) => calls.filter((call) => call.direction === direction).map((call) => call.bytes);
    const named = (...names: string[]) => calls.filter((call) => names.includes(call.function));

    test('take an execution a step, which is waited for once', () => {
      expect(named('aclmdlExecuteAsync')).toHaveLength(steps - 1);
      expect(named('aclrtSynchronizeStreamWithTimeout', 'aclrtSynchronizeStream')).toHaveLength(steps - 1);
    });

    test('need at most 4 KB from the host, and give it at most 4 KB', () => {
      for (const direction of ['H2D', 'D2H']) {
        expect(bytes(direction)).toHaveLength(steps - 1);
        expect(Math.max(...bytes(direction))).toBeLessThanOrEqual(4096);
      }
    });

    test('copy nothing on the device and create nothing there', () => {
      expect(bytes('D2D')).toEqual([]);
      expect(calls.filter((call) => /Create|Malloc|AddDatasetBuffer/.test(call.function))).toEqual([]);
    });

    test('have the candidates that all logits have, in float32 and nearly in float16', async () => {
      await using wide = await openOnStandIn(om['f32'] ?? '', dimensions);
      await using narrow = await openOnStandIn(om['f16'] ?? '', dimensions);
      const exact = await search(wide, { isTimed, byLogits: true });
      const chosen = await search(wide, { isTimed });
      const nearly = await search(narrow, { isTimed });
      const tokens = (all: Candidate[][][]) => all.flat(2).map(({ token }) => token);
      const logprobs = (all: Candidate[][][]) => all.flat(2).map(({ logprob }) => logprob);
      expect(tokens(chosen)).toEqual(tokens(exact));
      expectClose(logprobs(chosen), logprobs(exact), 1e-4);
      const errors = logprobs(nearly).map((logprob, i) => Math.abs(logprob - logprobs(exact)[i]!));
      expect(Math.max(...errors)).toBeLessThan(0.05);
    });
  });
});
