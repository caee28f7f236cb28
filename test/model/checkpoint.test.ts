import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { ModelError } from '../../src/errors.ts';
import { type Checkpoint, openCheckpoint } from '../../src/model/checkpoint.ts';
import { readTensor } from '../../src/model/tensor.ts';
import { models } from '../support/models.ts';
import {
  cTranslate2Bytes,
  cTranslate2Folder,
  cTranslate2Variables,
  errorOf,
  huggingFaceConfig,
  huggingFaceFolder,
  safetensorsOf,
  syntheticTensors,
  tinyDimensions,
  writeFiles,
} from './synthetic.ts';
import { temporaryFolder } from './temporary.ts';

const root = temporaryFolder();

async function valuesOf({ tensors }: Checkpoint): Promise<Record<string, number[]>> {
  const values: Record<string, number[]> = {};
  for (const [name, entry] of tensors) values[name] = [...(await readTensor(entry))];
  return values;
}

const expectedValues = Object.fromEntries(Array.from(syntheticTensors(), ([name, { values }]) => [name, [...values]]));

const openError = (folder: string) => errorOf(() => openCheckpoint(folder));

describe('a Hugging Face checkpoint', () => {
  test.each(['f32', 'f16', 'bf16'] as const)('in %s gives dimensions and every tensor', async (type) => {
    const folder = huggingFaceFolder(root, { 'model.safetensors': safetensorsOf(syntheticTensors(), type) });
    const checkpoint = await openCheckpoint(folder);
    expect(checkpoint).toMatchObject({ directory: folder, format: 'huggingface', dimensions: tinyDimensions });
    expect(checkpoint.tensors.get('model.encoder.conv1.weight')?.dtype).toBe(type);
    expect(await valuesOf(checkpoint)).toEqual(expectedValues);
  });

  test('may leave out the prefix of the names', async () => {
    const bare = Array.from(syntheticTensors(), ([name, tensor]) => [name.replace(/^model\./, ''), tensor] as const);
    const folder = huggingFaceFolder(root, { 'model.safetensors': safetensorsOf(bare, 'f32') });
    expect(await valuesOf(await openCheckpoint(folder))).toEqual(expectedValues);
  });

  test('may be spread over several files', async () => {
    const tensors = [...syntheticTensors()];
    const shards = {
      'model-00001-of-00002.safetensors': tensors.slice(0, 9),
      'model-00002-of-00002.safetensors': tensors.slice(9),
    };
    const weight_map = Object.fromEntries(
      Object.entries(shards).flatMap(([shard, part]) => part.map(([name]) => [name, shard])),
    );
    const folder = writeFiles(join(root, 'sharded'), {
      'config.json': huggingFaceConfig,
      'tokenizer.json': {},
      'model.safetensors.index.json': { weight_map },
      ...Object.fromEntries(Object.entries(shards).map(([shard, part]) => [shard, safetensorsOf(part, 'f16')])),
    });
    expect(await valuesOf(await openCheckpoint(folder))).toEqual(expectedValues);
  });

  test('shows only tensors of the model, so the tied projection once', async () => {
    const tensors = syntheticTensors();
    tensors.set('proj_out.weight', tensors.get('model.decoder.embed_tokens.weight')!);
    const folder = huggingFaceFolder(root, { 'model.safetensors': safetensorsOf(tensors, 'f32') });
    expect([...(await openCheckpoint(folder)).tensors.keys()]).toEqual(Object.keys(expectedValues));
  });

  test('is refused if tensors are missing or of another shape, all named', async () => {
    const tensors = syntheticTensors();
    tensors.delete('model.encoder.layers.1.fc1.bias');
    tensors.set('model.decoder.layer_norm.weight', { shape: [2], values: new Float32Array(2) });
    const error = await openError(huggingFaceFolder(root, { 'model.safetensors': safetensorsOf(tensors, 'f32') }));
    expect(error).toBeInstanceOf(ModelError);
    expect((error as Error).message).toMatch(
      /model\.encoder\.layers\.1\.fc1\.bias is missing; .*\[2\], expected \[4\]/,
    );
  });

  test('is refused with a count if very many tensors are missing', async () => {
    const few = [...syntheticTensors()].slice(0, 5);
    const error = await openError(huggingFaceFolder(root, { 'model.safetensors': safetensorsOf(few, 'f32') }));
    expect((error as Error).message).toMatch(/; and \d+ more$/);
  });

  test.each([
    ['of another kind of model', { ...huggingFaceConfig, model_type: 'bert' }, 'MODEL_UNSUPPORTED', 'bert'],
    ['that lacks a size', { ...huggingFaceConfig, d_model: undefined }, 'MODEL_DAMAGED', 'nAudioState is undefined'],
    ['with a senseless size', { ...huggingFaceConfig, encoder_layers: 1e9 }, 'MODEL_DAMAGED', 'nAudioLayer'],
    ['whose heads do not fit', { ...huggingFaceConfig, decoder_attention_heads: 3 }, 'MODEL_DAMAGED', 'nTextHead'],
    ['that is no object', [1], 'MODEL_DAMAGED', 'no JSON object'],
  ])('is refused with a config.json %s', async (_, config, code, message) => {
    const folder = huggingFaceFolder(root, { 'config.json': config });
    const error = await openError(folder);
    expect(error).toMatchObject({ code, message: expect.stringContaining(join(folder, 'config.json')) });
    expect((error as Error).message).toContain(message);
  });
});

describe('decoding settings', () => {
  const generationOf = async (files: Record<string, unknown>) =>
    (await openCheckpoint(huggingFaceFolder(root, files))).generation;

  test('come from generation_config.json', async () => {
    const generation = await generationOf({
      'config.json': { ...huggingFaceConfig, suppress_tokens: [9] },
      'generation_config.json': {
        suppress_tokens: [1, 2],
        begin_suppress_tokens: [3],
        alignment_heads: [[0, 1]],
        max_length: 5,
      },
    });
    expect(generation).toEqual({
      suppressTokens: [1, 2],
      beginSuppressTokens: [3],
      alignmentHeads: [[0, 1]],
      maxLength: 5,
    });
  });

  test('come from config.json in old revisions', async () => {
    const config = { ...huggingFaceConfig, suppress_tokens: [9], begin_suppress_tokens: [8], max_length: 448 };
    expect(await generationOf({ 'config.json': config })).toEqual({
      suppressTokens: [9],
      beginSuppressTokens: [8],
      alignmentHeads: [],
      maxLength: tinyDimensions.nTextCtx,
    });
  });

  test('are empty where absent or null', async () => {
    const generation = await generationOf({
      'generation_config.json': { suppress_tokens: null, alignment_heads: null },
    });
    expect(generation).toEqual({ suppressTokens: [], beginSuppressTokens: [], alignmentHeads: [], maxLength: 7 });
  });

  test('leave out tokens and heads that the model does not have', async () => {
    const generation = await generationOf({
      'generation_config.json': {
        suppress_tokens: [10, 11],
        alignment_heads: [
          [0, 0],
          [1, 0],
          [0, 2],
        ],
      },
    });
    expect(generation).toMatchObject({ suppressTokens: [10], alignmentHeads: [[0, 0]] });
  });

  test.each([
    { suppress_tokens: 'all' },
    { begin_suppress_tokens: [-1] },
    { alignment_heads: [[1]] },
    { max_length: 0 },
  ])('are refused if they are %j', async (generation) => {
    const error = await openError(huggingFaceFolder(root, { 'generation_config.json': generation }));
    expect(error).toMatchObject({ code: 'MODEL_DAMAGED', message: expect.stringContaining('generation_config.json') });
  });
});

describe('a CTranslate2 checkpoint', () => {
  test.each(['f32', 'f16', 'bf16'] as const)('in %s gives the tensors of the Hugging Face one', async (type) => {
    const folder = cTranslate2Folder(root, {
      'config.json': { suppress_ids: [1], suppress_ids_begin: [2], alignment_heads: [[0, 1]], lang_ids: [5] },
      'model.bin': cTranslate2Bytes(cTranslate2Variables(syntheticTensors(), type)),
    });
    const checkpoint = await openCheckpoint(folder);
    expect(checkpoint).toMatchObject({
      directory: folder,
      format: 'ctranslate2',
      dimensions: tinyDimensions,
      generation: { suppressTokens: [1], beginSuppressTokens: [2], alignmentHeads: [[0, 1]], maxLength: 7 },
    });
    expect(await valuesOf(checkpoint)).toEqual(expectedValues);
  });

  test('is refused if quantised, with what to use instead', async () => {
    const variables = cTranslate2Variables().flatMap((variable) =>
      variable.name.endsWith('linear_0/weight')
        ? [
            { ...variable, type: 1, bytes: variable.bytes.subarray(0, variable.bytes.length / 2) },
            { name: `${variable.name}_scale`, shape: [1], type: 0, bytes: new Uint8Array(4) },
          ]
        : [variable],
    );
    const error = await openError(cTranslate2Folder(root, { 'model.bin': cTranslate2Bytes(variables) }));
    expect(error).toMatchObject({
      code: 'MODEL_UNSUPPORTED',
      message: expect.stringContaining('quantised checkpoint'),
      hint: 'use the float16 one',
    });
  });

  test.each(['decoder/layer_0/attention/linear_1/weight', 'encoder/conv1/weight', 'decoder/num_heads'])(
    'is refused without %s',
    async (name) => {
      const variables = cTranslate2Variables().filter((variable) => variable.name !== name);
      const error = await openError(cTranslate2Folder(root, { 'model.bin': cTranslate2Bytes(variables) }));
      expect(error).toMatchObject({ code: 'MODEL_DAMAGED', message: expect.stringContaining('model.bin') });
    },
  );
});

test('a folder without a model is named, with the reason', async () => {
  const folder = writeFiles(join(root, 'pytorch'), { 'pytorch_model.bin': { a: 1 } });
  expect(await openError(folder)).toMatchObject({ code: 'MODEL_NOT_FOUND', message: expect.stringContaining(folder) });
  expect(await openError(join(root, 'absent'))).toMatchObject({ code: 'MODEL_NOT_FOUND' });
});

describe.skipIf(models.base === undefined)('whisper-base as CTranslate2 converts it', () => {
  test('opens whole', async () => {
    const { dimensions, generation, tensors } = await openCheckpoint(models.base!);
    expect(dimensions).toEqual({
      nMels: 80,
      nAudioCtx: 1500,
      nAudioState: 512,
      nAudioHead: 8,
      nAudioLayer: 6,
      nTextCtx: 448,
      nTextState: 512,
      nTextHead: 8,
      nTextLayer: 6,
      nVocab: 51865,
    });
    expect(tensors.size).toBe(245);
    expect(generation.suppressTokens).toHaveLength(88);
    expect(generation.beginSuppressTokens).toEqual([220, 50257]);
    expect(generation.alignmentHeads).toHaveLength(8);
    expect(generation.maxLength).toBe(448);
  });

  test('has the encoder positions that Whisper defines: sines, then cosines', async () => {
    const { tensors } = await openCheckpoint(models.base!);
    const positions = await readTensor(tensors.get('model.encoder.embed_positions.weight')!);
    for (const [position, channel] of [
      [0, 0],
      [1, 0],
      [700, 3],
      [1499, 255],
    ] as const) {
      const angle = position * Math.exp((-Math.log(10000) / 255) * channel);
      expect(positions[position * 512 + channel]).toBeCloseTo(Math.sin(angle), 3);
      expect(positions[position * 512 + 256 + channel]).toBeCloseTo(Math.cos(angle), 3);
    }
  });
});
