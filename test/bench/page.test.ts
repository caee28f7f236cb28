import { expect, test } from 'vitest';
import { compareResults } from '../../src/bench/compare.ts';
import { benchPage } from '../../src/bench/page.ts';
import { benchResult, knownResult, runsAround, workload } from './results.ts';

const times = {
  load: [[900]],
  features: [[5]],
  encoder: runsAround(400).map((value) => [value]),
  prefill: [[30]],
  token: [[12, 13]],
  endToEnd: [[600]],
};

test('shows stages, tokens, memory and what it was measured with', () => {
  const page = benchPage(benchResult(), times, undefined);
  for (const text of [
    'whisper-base on CPU, 2 threads',
    '>encoder<',
    '>tokens per second<',
    'what was said',
    'Some CPU',
    '0.60 GB',
  ])
    expect(page).toContain(text);
  expect(page.match(/<svg/g)).toHaveLength(2);
  expect(page).not.toContain('stand-in');
  expect(page).not.toContain('interrupted');
});

test('says that a stand-in was measured, and that it was interrupted', () => {
  const page = benchPage(benchResult({ standIn: true, complete: false }), times, undefined);
  expect(page).toContain('<title>whisper-base on a stand-in for an NPU</title>');
  expect(page).toMatch(/role="note">Measured on a stand-in for CANN .* The measurement was interrupted/);
});

test('shows a comparison with its verdicts or why there are none', () => {
  const result = benchResult();
  const current = { ...result, name: 'this run' };
  const same = compareResults(knownResult('before', runsAround(200)), current, 5);
  expect(benchPage(result, times, { comparison: same, tolerance: 5 })).toMatch(/encoder, median.*2\.000.*worse/);
  const other = compareResults(knownResult('before', [1], { workload: { ...workload, tokens: 3 } }), current, 5);
  expect(benchPage(result, times, { comparison: other, tolerance: 5 })).toContain('no verdict: tokens: 3 against 14.');
});

test('escapes what came from files', () => {
  const name = '<script>alert(1)</script>';
  const comparison = compareResults(
    knownResult(name, [1], { device: name, published: name }),
    { ...benchResult(), name },
    5,
  );
  const result = benchResult({ text: name, device: name, workload: { ...workload, model: name, audio: name } });
  expect(benchPage(result, times, { comparison, tolerance: 5 })).not.toContain('<script');
});
