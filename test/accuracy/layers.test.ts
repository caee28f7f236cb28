import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { blocksOf, compareLayers, describeBlock, type LayerComparison } from '../../src/accuracy/layers.ts';
import { openCpuLayerProbe } from '../../src/backend/cpu/cpu-layer-probe.ts';
import type { LayerProbe } from '../../src/backend/layer-probe.ts';
import { prepareCpu } from '../../src/convert/prepare-cpu.ts';
import { openCheckpoint } from '../../src/model/checkpoint.ts';
import { whisperTensors } from '../../src/model/tensor-names.ts';
import { copyDamaged } from '../support/damaged-checkpoint.ts';
import { randomValues, smallDimensions, writeRandomCheckpoint } from '../support/random-checkpoint.ts';

/** What the CPU engine's vectors take. */
const dimensions = { ...smallDimensions, nAudioState: 64, nTextState: 64 };
const logMel = randomValues(dimensions.nMels * 2 * dimensions.nAudioCtx, 3);
const tokens = [5, 17, 5, 30, 2];

let root: string;
let whole: string;
let reference: LayerProbe;
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'whisper-npu-layers-'));
  whole = join(root, 'whole');
  await writeRandomCheckpoint(whole, { dimensions });
  reference = await openProbe(whole);
});
afterAll(async () => {
  await reference[Symbol.asyncDispose]();
  await rm(root, { recursive: true });
});

async function openProbe(folder: string, threads = 1): Promise<LayerProbe> {
  const checkpoint = await openCheckpoint(folder);
  const directory = await prepareCpu(checkpoint, { store: join(folder, 'store'), model: 'model' });
  return openCpuLayerProbe({ directory, dimensions, threads });
}

async function compareWith(folder: string, threads = 1): Promise<LayerComparison> {
  await using tested = await openProbe(folder, threads);
  return await compareLayers(reference, tested, { logMel, tokens, dimensions }); // before it is closed
}

/** The block that a weight belongs to, by its name. */
function blockOf(tensor: string): string {
  const layer = /model\.(\w+)\.layers\.(\d+)\.(self_attn|encoder_attn|fc|final)/.exec(tensor);
  const kinds = {
    self_attn: 'self-attention',
    encoder_attn: 'cross-attention',
    fc: 'feed-forward',
    final: 'feed-forward',
  };
  if (layer !== null) return `${layer[1]} layer ${layer[2]}, ${kinds[layer[3] as keyof typeof kinds]}`;
  const part = tensor.split('.')[1];
  return tensor.includes('layer_norm') ? `${part} output` : `${part} embedding`;
}

test('there is a block for every part of the model, in the order of computation', () => {
  expect(blocksOf({ ...dimensions, nAudioLayer: 1, nTextLayer: 1 }).map(describeBlock)).toEqual([
    'encoder embedding',
    'encoder layer 0, self-attention',
    'encoder layer 0, feed-forward',
    'encoder output',
    'decoder embedding',
    'decoder layer 0, self-attention',
    'decoder layer 0, cross-attention',
    'decoder layer 0, feed-forward',
    'decoder output',
  ]);
});

test.each([1, 2])('a model with %i threads differs from itself in nothing', async (threads) => {
  const { blocks, suspects } = await compareWith(whole, threads);
  expect(blocks.map(describeBlock)).toEqual(blocksOf(dimensions).map(describeBlock));
  for (const block of blocks) expect(block, block.name).toMatchObject({ maxAbs: 0, relative: 0 });
  expect(suspects).toEqual([]);
});

describe('a damaged row is found in its block and in no other', () => {
  // One layer of each part stands for the others.
  const tensors = [...whisperTensors(dimensions)].filter(([tensor]) => !/layers\.[02]\./.test(tensor));
  test.each(tensors)('%s', async (tensor, shape) => {
    const folder = join(root, 'damaged');
    const row = tensor === 'model.decoder.embed_tokens.weight' ? 5 : 1;
    await copyDamaged(whole, folder, { tensor, row, factor: shape.length === 1 ? 1.5 : 1.05 });
    try {
      const { blocks, suspects } = await compareWith(folder);
      const expected = [blockOf(tensor)];
      // The embedding is the output's projection too.
      if (tensor === 'model.decoder.embed_tokens.weight') expected.push('decoder output');
      expect(suspects.map(describeBlock)).toEqual(expected);
      expect(blocks.filter(({ relative }) => relative > 0)).toEqual(suspects);
    } finally {
      await rm(folder, { recursive: true });
    }
  });
});

test('what is no number is a suspect', async () => {
  await using tested = await openProbe(whole);
  const broken: LayerProbe = {
    async run(...input) {
      const taps = await tested.run(...input);
      return new Map(
        Array.from(taps, ([name, values]) => [name, name.includes('layers.1.self') ? values.fill(NaN) : values]),
      );
    },
    async [Symbol.asyncDispose]() {},
  };
  const { suspects } = await compareLayers(reference, broken, { logMel, tokens, dimensions });
  expect(suspects.map(describeBlock)).toEqual(['encoder layer 1, self-attention', 'decoder layer 1, self-attention']);
});

describe('where all blocks err, as in float16,', () => {
  /** A probe that gives the reference's values, those of each block wrong by some share of them. */
  const erring = (relative: (name: string) => number): LayerProbe => ({
    async run(...input) {
      const taps = await reference.run(...input);
      return new Map(Array.from(taps, ([name, values]) => [name, values.map((value) => value * (1 + relative(name)))]));
    },
    async [Symbol.asyncDispose]() {},
  });
  const suspectsOf = async (tested: LayerProbe) =>
    (await compareLayers(reference, tested, { logMel, tokens, dimensions })).suspects.map(describeBlock);
  const damaged = (name: string) => name.includes('decoder.layers.1.encoder_attn');

  test('none stands out for as much as others of its kind', async () => {
    expect(await suspectsOf(erring(() => 1e-3))).toEqual([]);
    expect(await suspectsOf(erring((name) => (damaged(name) ? 4e-3 : 1e-3)))).toEqual([]);
  });

  test('one stands out for much more', async () => {
    const tested = erring((name) => (damaged(name) ? 6e-3 : 1e-3));
    expect(await suspectsOf(tested)).toEqual(['decoder layer 1, cross-attention']);
  });
});
