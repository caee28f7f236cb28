import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { VocabularyHead } from '../../../src/backend/cpu/vocabulary-head.ts';
import { prepareCpu } from '../../../src/convert/prepare-cpu.ts';
import { embedding } from '../../../src/graph/weights.ts';
import { openCheckpoint } from '../../../src/model/checkpoint.ts';
import { expectClose } from '../../support/compare.ts';
import {
  randomValues,
  randomWeights,
  smallDimensions,
  writeRandomCheckpoint,
} from '../../support/random-checkpoint.ts';
import { choose } from '../../support/reference-whisper.ts';

const dimensions = { ...smallDimensions, nVocab: 400 };
const { nTextState, nVocab } = dimensions;

let root: string;
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'whisper-npu-head-'));
});
afterEach(() => rm(root, { recursive: true }));

/** A head over this embedding, [nVocab, nTextState]. */
async function openHead(rows: Float32Array): Promise<VocabularyHead> {
  const weights = randomWeights(dimensions).set(embedding, rows);
  await writeRandomCheckpoint(root, { dimensions, weights });
  const directory = await prepareCpu(await openCheckpoint(root), { store: root, model: 'random' });
  return await VocabularyHead.open(directory, dimensions, {}, true);
}

function logitsOf(rows: Float32Array, hidden: Float32Array): number[] {
  return Array.from({ length: nVocab }, (_, token) =>
    hidden.reduce((total, value, i) => total + value * rows[token * nTextState + i]!, 0),
  );
}

describe('the vocabulary head', () => {
  const rows = randomValues(nVocab * nTextState, 1);

  test('gives all logits in f32', async () => {
    const hidden = randomValues(nTextState, 2);
    expectClose(await (await openHead(rows)).logits(hidden), logitsOf(rows, hidden));
  });

  test('chooses the likeliest token that is not suppressed, however clear the choice is', async () => {
    const opened = await openHead(rows);
    const suppress = new Float32Array(nVocab);
    for (const seed of [2, 3, 4, 5]) {
      for (const scale of [0.01, 0.3, 1, 3]) {
        const hidden = randomValues(nTextState, seed).map((value) => value * scale);
        const expected = choose(logitsOf(rows, hidden), suppress);
        const choice = await opened.choose(hidden, { mask: suppress });
        expect(choice.token).toBe(expected.token);
        expectClose([choice.logprob], [expected.logprob], 5e-3);
        suppress[expected.token] = Number.NEGATIVE_INFINITY;
      }
    }
  });

  test('looks at all of the vocabulary where 8 bits cannot tell the tokens apart', async () => {
    // The first column is so large that the others vanish in the 8-bit copy, and the state does not look at it.
    const coarse = randomValues(nVocab * nTextState, 1).map((value, i) => (i % nTextState === 0 ? 1000 : value / 10));
    coarse[333 * nTextState + 5] = 1;
    const hidden = new Float32Array(nTextState);
    hidden[5] = 1;
    const suppress = new Float32Array(nVocab);
    const opened = await openHead(coarse);
    const { token, logprob } = await opened.choose(hidden, { mask: suppress });
    const expected = choose(logitsOf(coarse, hidden), suppress);
    expect(token).toBe(333);
    expectClose([logprob], [expected.logprob]);

    suppress[333] = Number.NEGATIVE_INFINITY;
    const next = await opened.choose(hidden, { mask: suppress });
    expect(next.token).toBe(choose(logitsOf(coarse, hidden), suppress).token);
  });
});
