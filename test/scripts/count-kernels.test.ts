import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';

const script = fileURLToPath(new URL('../../scripts/count-kernels.mjs', import.meta.url));

function count(...args: string[]) {
  return spawnSync(process.execPath, [script, ...args], { encoding: 'utf8' });
}

interface Figures {
  readonly way: string;
  readonly dtype: string;
  readonly kernels: number;
  readonly fused: number;
  readonly weightBytes: number;
  readonly readBytes: number;
}

test('what a step costs is counted from the graphs, as arithmetic gives it', () => {
  const { stdout, stderr } = count('--json', 'tiny.en');
  expect(stderr).toBe('');
  const figures = JSON.parse(stdout) as Figures[];
  expect(figures.map(({ way, dtype }) => `${way}, ${dtype}`)).toEqual(
    ['f16', 'f32'].flatMap((dtype) =>
      ['encoder', 'greedy', 'greedy with timestamps', '8 windows', '5 beams'].map((way) => `${way}, ${dtype}`),
    ),
  );
  const [layers, state, nVocab, nMels, nAudioCtx] = [4, 384, 51864, 80, 1500];
  for (const { way, dtype, kernels, fused, weightBytes, readBytes } of figures) {
    const itemBytes = dtype === 'f16' ? 2 : 4;
    // The encoder has convolutions and positions beside its layers, and computes the keys and values of cross-attention.
    const others = way === 'encoder' ? 3 * (nMels + state) * state + nAudioCtx * state : nVocab * state;
    const matrices = (layers * 14 * state ** 2 + others) * itemBytes;
    expect(weightBytes / matrices).toBeGreaterThan(1);
    expect(weightBytes / matrices).toBeLessThan(1.01);
    if (way === 'encoder') continue;
    const windows = way === '8 windows' ? 8 : 1;
    expect(readBytes - weightBytes).toBeGreaterThan(windows * layers * 2 * nAudioCtx * state * itemBytes);
    // Three norms a layer and one behind them, of nine nodes; seven products of a layer have a bias.
    expect(kernels - fused).toBe((3 * layers + 1) * 8 + 7 * layers);
  }
});

test('a model that is not known is named', () => {
  const { status, stderr } = count('medium', 'huge');
  expect(status).not.toBe(0);
  expect(stderr).toContain('no model huge: tiny.en, base, medium, large-v3');
});
