import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { compareLayers, describeBlock, type LayerComparison } from '../../../src/accuracy/layers.ts';
import { openCpuLayerProbe } from '../../../src/backend/cpu/cpu-layer-probe.ts';
import type { LayerProbe } from '../../../src/backend/layer-probe.ts';
import { openNpu } from '../../../src/backend/npu/acl-environment.ts';
import { openNpuLayerProbe } from '../../../src/backend/npu/npu-layer-probe.ts';
import { prepareCpu } from '../../../src/convert/prepare-cpu.ts';
import type { NpuDtype } from '../../../src/graph/npu-layers.ts';
import { openCheckpoint } from '../../../src/model/checkpoint.ts';
import { copyDamaged } from '../../support/damaged-checkpoint.ts';
import { convertWithStandIn, hasStandIn, standInEnvironment } from '../../support/npu-stand-in.ts';
import { randomValues, smallDimensions, writeRandomCheckpoint } from '../../support/random-checkpoint.ts';

/** What the CPU engine's vectors take. */
const dimensions = { ...smallDimensions, nAudioState: 64, nTextState: 64 };
const logMel = randomValues(dimensions.nMels * 2 * dimensions.nAudioCtx, 3);
const tokens = [5, 17, 5, 30, 2];

describe.skipIf(!hasStandIn)('blocks of a model on the stand-in', () => {
  let root: string;
  let whole: string;
  let reference: LayerProbe;
  beforeAll(async () => {
    root = await mkdtemp(join(tmpdir(), 'whisper-npu-layers-'));
    whole = join(root, 'whole');
    await writeRandomCheckpoint(whole, { dimensions });
    const checkpoint = await openCheckpoint(whole);
    const directory = await prepareCpu(checkpoint, { store: join(root, 'cpu'), model: 'model' });
    reference = await openCpuLayerProbe({ directory, dimensions, threads: 1 });
  });
  afterAll(async () => {
    await reference[Symbol.asyncDispose]();
    await rm(root, { recursive: true });
  });

  async function compareWith(
    checkpoint: string,
    dtype: NpuDtype,
    variants = { layers: true },
  ): Promise<LayerComparison> {
    const directory = await convertWithStandIn(checkpoint, await mkdtemp(join(root, 'npu-')), dtype, variants);
    const { device } = await openNpu(standInEnvironment, 0);
    await using tested = await openNpuLayerProbe({ device, directory, dimensions });
    // Twice, for the second text must not see the first one's cache.
    await tested.run(logMel, [9, 9, 9], await reference.run(logMel, [9, 9, 9], new Map()));
    return await compareLayers(reference, tested, { logMel, tokens, dimensions });
  }

  test('are those of the CPU in float32', async () => {
    const { blocks, suspects } = await compareWith(whole, 'f32');
    for (const { name, relative } of blocks) expect(relative, name).toBeLessThan(2e-6);
    expect(suspects).toEqual([]);
  });

  test('are near them in float16, and none stands out', async () => {
    const { blocks, suspects } = await compareWith(whole, 'f16');
    for (const { name, relative } of blocks) expect(relative, name).toBeLessThan(5e-3);
    expect(Math.max(...blocks.map(({ relative }) => relative))).toBeGreaterThan(1e-4);
    expect(suspects).toEqual([]);
  });

  test.each([
    ['model.encoder.layers.1.self_attn.v_proj.weight', 'encoder layer 1, self-attention'],
    ['model.decoder.layers.1.fc1.weight', 'decoder layer 1, feed-forward'],
    ['model.decoder.layers.2.encoder_attn.k_proj.weight', 'decoder layer 2, cross-attention'],
    ['model.decoder.layers.0.self_attn.k_proj.weight', 'decoder layer 0, self-attention'],
  ])('a damaged row of %s is found in %s', async (tensor, block) => {
    const damaged = join(root, 'damaged');
    await copyDamaged(whole, damaged, { tensor, row: 1, factor: 1.05 });
    const { suspects } = await compareWith(damaged, 'f32');
    expect(suspects.map(describeBlock)).toEqual([block]);
    await rm(damaged, { recursive: true });
  });

  test('need a conversion of their own, and without it say so', async () => {
    await expect(compareWith(whole, 'f32', { layers: false })).rejects.toMatchObject({ code: 'NPU_MODEL_MISSING' });
  });
});
