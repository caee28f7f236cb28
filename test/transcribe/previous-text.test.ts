import { expect, test } from 'vitest';
import type { WhisperTokenizer } from '../../src/model/tokenizer.ts';
import { type ResolvedOptions, resolveOptions } from '../../src/transcribe/options.ts';
import { PreviousText } from '../../src/transcribe/previous-text.ts';

/** Every letter is a token. */
const tokenizer = { encode: (text: string) => Array.from(text, (letter) => letter.charCodeAt(0)) } as WhisperTokenizer;
const text = (tokens: readonly number[]) => String.fromCharCode(...tokens);
const codes = (letters: string) => Array.from(letters, (letter) => letter.charCodeAt(0));

function previous(options: Partial<ResolvedOptions> = {}, limit = 12): PreviousText {
  return new PreviousText(tokenizer, limit, resolveOptions(options));
}

test('begins with the initial prompt, and adds what was said', () => {
  const told = previous({ initialPrompt: 'Ann ' });
  expect(text(told.tokens)).toBe(' Ann');
  told.add(codes(' hi'), 0);
  expect(text(told.tokens)).toBe(' Ann hi');
});

test('forgets everything after a text drawn at a high temperature, the initial prompt included', () => {
  const told = previous({ initialPrompt: 'Ann' });
  told.add(codes(' one'), 0.4);
  told.add(codes(' two'), 0.6);
  expect(told.tokens).toEqual([]);
  told.add(codes(' three'), 0);
  expect(text(told.tokens)).toBe(' three');
});

test('tells nothing where it is not asked to, but the first window its prompt', () => {
  const told = previous({ initialPrompt: 'Ann', conditionOnPreviousText: false });
  expect(text(told.tokens)).toBe(' Ann');
  told.add(codes(' one'), 0);
  expect(told.tokens).toEqual([]);
});

test('carries the initial prompt along, with as much of the text as fits behind it', () => {
  const told = previous({ initialPrompt: 'Ann', carryInitialPrompt: true }, 8);
  told.add(codes('abcdef'), 0);
  expect(text(told.tokens)).toBe(' Anncdef');
  told.add(codes('x'), 1);
  expect(text(told.tokens)).toBe(' Ann');
});

test('keeps no more than the limit', () => {
  const told = previous({}, 5);
  for (let i = 0; i < 100; i++) told.add(codes('ab'), 0);
  expect(told.tokens.length).toBeLessThanOrEqual(5);
  expect(text(told.tokens.slice(-4))).toBe('abab');
});
