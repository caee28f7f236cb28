import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Smoothing, smoothed, smoothingFactors } from '../../src/convert/smoothing.ts';
import { openCheckpoint } from '../../src/model/checkpoint.ts';
import { randomWeights, smallDimensions, writeRandomCheckpoint } from '../support/random-checkpoint.ts';

const layer = 'model.encoder.layers.1';
const state = smallDimensions.nAudioState;
/** A channel that the layer norm makes loud, one that is always 0, and one that nobody reads. */
const [loud, silent, unread] = [3, 5, 7];

describe('smoothing', () => {
  const weights = randomWeights(smallDimensions);
  const of = (name: string) => weights.get(name)!;
  let root: string;
  let smoothing: Smoothing;
  beforeAll(async () => {
    root = await mkdtemp(join(tmpdir(), 'whisper-npu-smooth-'));
    of(`${layer}.final_layer_norm.weight`)[loud] = 60;
    of(`${layer}.final_layer_norm.weight`)[silent] = 0;
    of(`${layer}.final_layer_norm.bias`)[silent] = 0;
    for (let i = unread; i < of(`${layer}.fc1.weight`).length; i += state) of(`${layer}.fc1.weight`)[i] = 0;
    await writeRandomCheckpoint(root, { weights });
    smoothing = await smoothingFactors(await openCheckpoint(root));
  });
  afterAll(() => rm(root, { recursive: true }));

  test.each([
    ['self_attn_layer_norm', 'self_attn.q_proj'],
    ['self_attn_layer_norm', 'self_attn.k_proj'],
    ['self_attn_layer_norm', 'self_attn.v_proj'],
    ['final_layer_norm', 'fc1'],
  ])('changes nothing in what comes of %s and %s together', (norm, linear) => {
    const [scale, shift, matrix] = [`${layer}.${norm}.weight`, `${layer}.${norm}.bias`, `${layer}.${linear}.weight`];
    const [newScale, newShift, newMatrix] = [scale, shift, matrix].map((name) => smoothed(name, of(name), smoothing));
    for (const [i, value] of of(matrix).entries()) {
      const channel = i % state;
      expect(newMatrix![i]! * newScale![channel]!).toBeCloseTo(value * of(scale)[channel]!, 4);
      expect(newMatrix![i]! * newShift![channel]!).toBeCloseTo(value * of(shift)[channel]!, 4);
    }
  });

  test('makes loud channels quieter against the others', () => {
    const name = `${layer}.final_layer_norm.weight`;
    const loudness = (values: Float32Array) => Math.abs(values[loud]!) / Math.abs(values[loud + 1]!);
    expect(loudness(smoothed(name, of(name), smoothing))).toBeLessThan(loudness(of(name)) / 2);
  });

  test('leaves channels alone that are always 0 or not read', () => {
    const factors = smoothing.multiplied.get(`${layer}.fc1.weight`)!;
    expect([factors[silent], factors[unread]]).toEqual([1, 1]);
    expect(factors.every((factor) => Number.isFinite(factor) && factor > 0)).toBe(true);
  });

  test('leaves every other tensor as it is', () => {
    for (const name of ['model.encoder.layer_norm.weight', `${layer}.fc2.weight`, 'model.decoder.layers.0.fc1.weight'])
      expect(smoothed(name, of(name), smoothing)).toBe(of(name));
  });
});
