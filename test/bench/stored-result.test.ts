import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { compareResults } from '../../src/bench/compare.ts';
import { parseResult, readResult } from '../../src/bench/stored-result.ts';
import { benchResult } from './results.ts';

const head = { kind: 'whisper-npu bench', version: 1 };

describe('parseResult', () => {
  test('reads what bench writes', () => {
    const result = benchResult();
    const known = parseResult(JSON.stringify(result), 'before.json');
    expect(known).toMatchObject({ name: 'before', standIn: false, device: result.device, peakRssBytes: 6e8 });
    expect(compareResults(known, { ...result, name: 'x' }, 5).rows.every(({ ratio }) => ratio === 1)).toBe(true);
    expect(compareResults(known, { ...result, name: 'x' }, 5).differences).toEqual([]);
  });

  test.each([
    ['no JSON', '{'],
    ['a list', '[]'],
    ['some other object', '{"stages":{}}'],
    ['a later version', '{"kind":"whisper-npu bench","version":2}'],
  ])('refuses %s with what to do', (_, text) => {
    expect(() => parseResult(text, 'x.json')).toThrow(expect.objectContaining({ code: 'RESULT_UNKNOWN' }));
  });

  test('takes fields that are not what they should be as unknown', () => {
    const stages = { encoder: { mean: '37', p50: -1, p99: null, runs: [1, 'x'] }, load: 7 };
    const odd = { ...head, stages, rtf: [1], peakRssBytes: 'much', device: { markup: '<b>' }, workload: 'none' };
    const known = parseResult(JSON.stringify(odd), 'x.json');
    expect(known).toMatchObject({ stages: { encoder: {}, load: {} }, rtf: {}, workload: {} });
    expect(known).not.toHaveProperty('device');
    expect(known).not.toHaveProperty('peakRssBytes');
  });

  test('never breaks a comparison, whatever the fields hold', () => {
    const fields = [
      'stages',
      'rtf',
      'tokensPerSecond',
      'workload',
      'deviceMemory',
      'device',
      'peakRssBytes',
      'published',
    ];
    const stages = fc.record({ encoder: fc.jsonValue(), endToEnd: fc.jsonValue() });
    const values = fc.record(Object.fromEntries(fields.map((field) => [field, fc.oneof(fc.jsonValue(), stages)])));
    fc.assert(
      fc.property(values, (value) => {
        const known = parseResult(JSON.stringify({ ...head, ...value }), 'x.json');
        const { rows } = compareResults(known, { ...benchResult(), name: 'y' }, 5);
        for (const { ratio } of rows) expect(Number.isFinite(ratio)).toBe(true);
      }),
    );
  });
});

describe('readResult', () => {
  test('knows the published figures by their name, and says that they were published', async () => {
    const published = await readResult('pytorch-910b4-published');
    expect(published.published).toMatch(/^Published figures/);
    expect(published.stages).toEqual({
      encoder: { mean: 37.4 },
      endToEnd: { mean: 185.6, p50: 183.9, p99: 204.6 },
    });
    expect(published.rtf).toEqual({ mean: 0.0464 });
    expect(published.workload).toMatchObject({ model: 'whisper-medium', audioSeconds: 4 });
  });

  test('says which file is missing and what could be named', async () => {
    await expect(readResult('no-such.json')).rejects.toMatchObject({
      code: 'RESULT_UNREADABLE',
      message: expect.stringContaining('no-such.json'),
      hint: expect.stringContaining('pytorch-910b4-published'),
    });
  });
});
