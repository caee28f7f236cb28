import { expect, test } from 'vitest';
import { accuracyPage } from '../../src/accuracy/page.ts';
import { accuracyText } from '../../src/cli/accuracy/text.ts';
import { accuracyResult, fileOf, position } from './results.ts';

const differing = fileOf(
  {
    positions: [position, { ...position, maxProbabilityDifferencePercent: 2.5, rank: 3, sameTop1: false }],
    testedTokens: [7, 9],
    testedText: ' seven <nine>',
  },
  'b & c.wav',
  'seven eight',
);

test('the page shows every figure, text and error, and says what was compared', () => {
  const page = accuracyPage(accuracyResult([fileOf({}), differing]));
  for (const text of [
    'Accuracy of whisper-base on NPU 0, Ascend910B4',
    'FAIL: largest probability difference 2.5000 %, not under 1 %',
    'b &amp; c.wav',
    'seven &lt;nine&gt;',
    'the same tokens',
    '50.00 %',
    'passes under 1 %',
    'float16',
  ])
    expect(page).toContain(text);
  expect(page.match(/<svg/g)).toHaveLength(3);
  expect(page).not.toContain('stand-in');
  expect(page).not.toContain('broken off');
  expect(page).not.toMatch(/NaN|undefined/);
});

test('the verdict stands before every figure, and says what failing means for int8', () => {
  const failing = accuracyResult([fileOf({}), differing]);
  const int8 = { ...failing, tested: { ...failing.tested, dtype: 'int8' as const } };
  const page = accuracyPage(int8);
  expect(page).toMatch(/class="verdict fail"[^>]*><p>FAIL: /);
  expect(page.indexOf('class="verdict')).toBeLessThan(page.indexOf('<table'));
  for (const shown of [page, accuracyText(int8)]) expect(shown).toMatch(/int8 rounds weights .*--threshold 100/);
  expect(accuracyPage(failing)).not.toContain('int8 rounds');
  const passing = accuracyResult([fileOf({})]);
  const passingInInt8 = { ...passing, tested: { ...passing.tested, dtype: 'int8' as const } };
  expect(accuracyPage(passingInInt8)).toContain('class="verdict pass"');
  expect(accuracyText(passingInInt8)).not.toContain('int8 rounds');
});

test('files are named by what tells them apart', () => {
  const result = accuracyResult([fileOf({}, '/long/path/to/a/jfk.wav'), fileOf({}, '/long/path/to/b/jfk.wav')]);
  for (const shown of [accuracyPage(result), accuracyText(result)]) {
    expect(shown).toContain('a/jfk.wav');
    expect(shown).not.toContain('/long/path');
  }
});

test('page and terminal say that a stand-in was measured, and that it was broken off', () => {
  const result = { ...accuracyResult([fileOf({})]), standIn: true, complete: false };
  for (const shown of [accuracyPage(result), accuracyText(result)]) {
    expect(shown).toContain('Measured on a stand-in for CANN');
    expect(shown).toContain('broken off');
    expect(shown).toMatch(/PASS so far: .*\(on the stand-in\)/);
  }
});

test('numbers that are none can be drawn', () => {
  const broken = fileOf({
    positions: [{ ...position, maxProbabilityDifferencePercent: Number.NaN, cosine: Number.NaN }],
  });
  const page = accuracyPage(accuracyResult([broken]));
  expect(page).toContain('FAIL');
  expect(page.match(/<(polyline|rect|circle|line)[^>]*NaN/)).toBeNull();
});

test('blocks have a row per layer, and what stands out is named and marked', () => {
  const same = { maxAbs: 0, cosine: 1, relative: 0 };
  const block = {
    name: 'model.decoder.layers.1.encoder_attn',
    part: 'decoder',
    layer: 1,
    kind: 'cross-attention',
  } as const;
  const suspect = { ...block, maxAbs: 0.1, cosine: 0.9, relative: 0.0123 };
  const blocks = [
    { ...same, name: 'model.encoder.embed', part: 'encoder', kind: 'embedding' } as const,
    { ...same, ...block, name: 'model.decoder.layers.0.encoder_attn', layer: 0 },
    suspect,
  ];
  const result = { ...accuracyResult([fileOf({})]), layers: { file: 'a.wav', blocks, suspects: [suspect] } };
  const text = accuracyText(result);
  expect(text).toMatch(/^encoder embedding +0$/m);
  expect(text).toMatch(/^decoder layer 0 +0$/m);
  expect(text).toMatch(/^decoder layer 1 +1\.2e-2 <$/m);
  for (const shown of [text, accuracyPage(result)])
    expect(shown).toContain('First to stand out: decoder layer 1, cross-attention (relative error 1.2e-2).');
});

test('the terminal shows both texts where they differ', () => {
  const text = accuracyText(accuracyResult([differing]));
  expect(text).toContain('b & c.wav: other texts\n  reference: seven eight\n  tested:    seven <nine>\n');
  expect(text).toMatch(/^b & c\.wav +2 +50\.0 % +2\.5000 % .* 50\.0 % +3 /m);
});
