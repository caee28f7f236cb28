import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { chooseLevel, loadCpuAddon } from '../../../../src/backend/cpu/cpu-addon.ts';
import type { NetworkDescription } from '../../../../src/backend/cpu/networks/description.ts';
import { openNetwork } from '../../../../src/backend/cpu/networks/open-network.ts';
import { safetensorsOf } from '../../../model/synthetic.ts';
import { temporaryFolder } from '../../../support/temporary.ts';
import { randomTensor } from './run-network.ts';

/** x [at least 2, 3] -> y [..., 2] */
const network: NetworkDescription = {
  inputs: { x: [{ atLeast: 2 }, 3] },
  operators: [
    { type: 'linear', x: 'x', weight: 'w', y: 'product' },
    { type: 'softmax', x: 'product', y: 'y' },
  ],
  outputs: ['y'],
};

function weightsFile(tensors = { w: randomTensor(1, [2, 3]) }): string {
  const file = join(temporaryFolder(), 'weights.safetensors');
  writeFileSync(file, safetensorsOf(Object.entries(tensors), 'f32'));
  return file;
}

describe('a network', () => {
  test('runs with inputs of several sizes', async () => {
    using opened = await openNetwork(network, weightsFile());
    const outputs = [2, 5, 2].map((rows) => opened.run({ x: randomTensor(2, [rows, 3]) })['y']);
    expect(outputs.map((output) => output?.shape)).toEqual([
      [2, 2],
      [5, 2],
      [2, 2],
    ]);
    expect(outputs[2]).toEqual(outputs[0]);
  });

  test('refuses inputs that do not fit', async () => {
    using opened = await openNetwork(network, weightsFile());
    expect(() => opened.run({ x: randomTensor(2, [1, 3]) })).toThrow('the input x cannot be [1, 3]');
    expect(() => opened.run({ x: randomTensor(2, [2, 4]) })).toThrow('the input x cannot be [2, 4]');
    expect(() => opened.run({ x: { shape: [4, 3], values: new Float32Array(11) } })).toThrow('11 values for [4, 3]');
    expect(() => opened.run({ x: { shape: [4, 3], values: new Uint8Array(12) as never } })).toThrow('another type');
    expect(() => opened.run({ x: { shape: [2.5, 3], values: new Float32Array(9) } })).toThrow('a size is no size');
    expect(() => opened.run({})).toThrow('a tensor is no object');
  });

  test('refuses weights that are missing, of another shape or too many', async () => {
    const cases: [Record<string, ReturnType<typeof randomTensor>>, string][] = [
      [{}, 'there is no weight w'],
      [{ w: randomTensor(1, [2, 4]) }, 'x is [2, 3], not [..., 4]'],
      [{ w: randomTensor(1, [2, 3]), v: randomTensor(1, [1]) }, 'no operator uses the weight v'],
    ];
    for (const [weights, message] of cases)
      await expect(openNetwork(network, weightsFile(weights as never))).rejects.toThrow(message);
  });

  test('that was freed, also while its inputs are read, is refused', async () => {
    const addon = loadCpuAddon();
    const made = addon.loadNetwork(network, { w: randomTensor(1, [2, 3]) }, chooseLevel(addon));
    const x = {
      values: new Float32Array(6),
      get shape() {
        addon.freeNetwork(made);
        return [2, 3];
      },
    };
    expect(() => addon.runNetwork(made, { x })).toThrow('freed');
    expect(() => addon.runNetwork(made, { x: randomTensor(2, [2, 3]) })).toThrow('freed');
    addon.freeNetwork(made); // once more does no harm
  });

  test('whose array is taken away while another is read is refused', () => {
    const addon = loadCpuAddon();
    const pair: NetworkDescription = {
      inputs: { a: [3], b: [3] },
      operators: [{ type: 'add', a: 'a', b: 'b', y: 'y' }],
      outputs: ['y'],
    };
    const a = new Float32Array(3);
    const b = {
      shape: [3],
      get values() {
        structuredClone(a, { transfer: [a.buffer] });
        return new Float32Array(3);
      },
    };
    expect(() =>
      addon.runNetwork(addon.loadNetwork(pair, {}, chooseLevel(addon)), { a: { shape: [3], values: a }, b }),
    ).toThrow('0 values');
  });
});

describe('without the addon', () => {
  afterEach(() => vi.resetModules());

  test('there is one clear line and what to do', async () => {
    vi.resetModules();
    vi.doMock('../../../../src/backend/find-addon.ts', () => ({
      findAddon: () => ({ reasons: ['it was not built', 'no package is installed'], hint: 'Build it.' }),
    }));
    const { openSilero } = await import('../../../../src/backend/cpu/silero.ts');
    vi.doUnmock('../../../../src/backend/find-addon.ts');
    await expect(openSilero()).rejects.toMatchObject({
      name: 'ModelError',
      code: 'CPU_ADDON_MISSING',
      message: 'there is no addon for CPUs: it was not built; no package is installed',
      hint: 'Build it.',
    });
  });
});
