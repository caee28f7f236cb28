import { expect, test } from 'vitest';
import { normaliseBasic } from '../../../src/accuracy/normalise/basic.ts';

// What openai/whisper 20250625 gives.
test.each([
  ['Hallo, Welt!', 'hallo welt '],
  ['Grüße aus Köln – [Applaus] schön (lacht)', 'grüße aus köln schön '],
  ['ﬁne ½ m²', 'fine 1 2 m2'],
  ['L’été', 'l été'],
  ['<unk>', ''],
])('%j -> %j', (text, expected) => {
  expect(normaliseBasic(text)).toBe(expected);
});

test.each([
  ['東京、です。', '東 京 で す '],
  ['ab', 'a b'],
])('%j is split into %j', (text, expected) => {
  expect(normaliseBasic(text, { splitLetters: true })).toBe(expected);
});
