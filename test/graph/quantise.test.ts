import { describe, expect, test } from 'vitest';
import { blockSize, quantisationOf, quantise, quantisedShapes } from '../../src/graph/quantise.ts';
import { randomValues } from '../support/random-checkpoint.ts';

describe('a weight in blocks of 8 bits', () => {
  test.each([
    [384, 128],
    [512, 128],
    [768, 128],
    [1024, 128],
    [1280, 128],
    [64, 64],
    [96, 32],
    [16, 16],
  ])('of a state of %i shares scales between %i weights', (state, size) => {
    expect(blockSize(state)).toBe(size);
  });

  test('is refused for a state that the 8-bit product cannot take', () => {
    expect(() => blockSize(24)).toThrow('24');
  });

  test('has the shapes that MatMulNBits wants', () => {
    expect(quantisedShapes('w', 'blocks', [51865, 384])).toEqual([
      ['w.blocks', { type: 'u8', shape: [51865, 3, 128] }],
      ['w.scales', { type: 'f32', shape: [51865 * 3] }],
    ]);
  });

  test('is within half a step of each weight, a step being a 127th of the largest of its block', () => {
    const [rows, state, size] = [6, 96, 32];
    const weights = randomValues(rows * state, 3).map((value, i) => value * 10 ** (Math.floor(i / size) % 5));
    const { values, scales } = quantise('blocks', weights, state);
    expect([values.length, scales.length]).toEqual([rows * state, rows * (state / size)]);
    for (const [i, weight] of weights.entries()) {
      const block = Math.floor(i / size);
      const largest = Math.max(...weights.subarray(block * size, (block + 1) * size).map(Math.abs));
      expect(scales[block]).toBe(Math.fround(largest / 127));
      expect(Math.abs((values[i]! - 128) * scales[block]! - weight)).toBeLessThanOrEqual((largest / 127) * 0.5001);
    }
  });

  test('holds the largest weight of either sign and a block of zeros', () => {
    const { values, scales } = quantise(
      'blocks',
      Float32Array.from({ length: 32 }, (_, i) => [-5, 5, 0][i] ?? 0),
      16,
    );
    expect([...values.subarray(0, 3)]).toEqual([1, 255, 128]);
    expect([...values.subarray(16)]).toEqual(Array(16).fill(128));
    expect(scales[1]).toBeGreaterThan(0);
  });
});

describe('a weight in columns of 8 bits', () => {
  test('has values turned, and a scale for every output', () => {
    expect(quantisedShapes('w', 'columns', [96, 32])).toEqual([
      ['w.columns', { type: 'i8', shape: [32, 96] }],
      ['w.scales', { type: 'f32', shape: [96] }],
    ]);
  });

  test('is turned, within half a step of each weight, a step being a 127th of the largest of its output', () => {
    const [outputs, inputs] = [5, 24];
    const weights = randomValues(outputs * inputs, 3).map((value, i) => value * 10 ** Math.floor(i / inputs));
    const { values, scales } = quantise('columns', weights, inputs);
    for (const [i, weight] of weights.entries()) {
      const [output, input] = [Math.floor(i / inputs), i % inputs];
      const largest = Math.max(...weights.subarray(output * inputs, (output + 1) * inputs).map(Math.abs));
      expect(scales[output]).toBe(Math.fround(largest / 127));
      const kept = values[input * outputs + output]! * scales[output]!;
      expect(Math.abs(kept - weight)).toBeLessThanOrEqual((largest / 127) * 0.5001);
    }
  });

  test('holds an output of zeros', () => {
    const { values, scales } = quantise('columns', new Float32Array(8), 4);
    expect([...values]).toEqual(Array(8).fill(0));
    expect(Math.min(...scales)).toBeGreaterThan(0);
  });
});

describe('what is kept in 8 bits', () => {
  test.each([
    ['model.encoder.layers.0.fc1.weight', [64, 16], 'columns'],
    ['model.decoder.layers.1.encoder_attn.k_proj.weight', [16, 16], 'columns'],
    ['model.decoder.layers.1.encoder_attn.v_proj.weight', [16, 16], 'columns'],
    ['model.decoder.layers.1.encoder_attn.q_proj.weight', [16, 16], 'blocks'],
    ['model.decoder.layers.0.self_attn.k_proj.weight', [16, 16], 'blocks'],
    ['model.decoder.layers.0.fc2.weight', [16, 64], 'blocks'],
    ['model.decoder.layers.0.fc2.bias', [16], undefined],
    ['model.encoder.conv2.weight', [16, 16, 3], undefined],
    ['model.decoder.embed_tokens.weight', [51865, 16], undefined],
    ['model.decoder.embed_positions.weight', [448, 16], undefined],
    ['model.encoder.embed_positions.weight', [1500, 16], undefined],
  ] as const)('%s %j: %s', (name, shape, kind) => {
    expect(quantisationOf(name, shape)).toBe(kind);
  });
});
