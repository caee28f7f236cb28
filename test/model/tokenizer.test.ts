import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Tokenizer } from '@huggingface/tokenizers';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { ModelError } from '../../src/errors.ts';
import { openTokenizer } from '../../src/model/tokenizer.ts';
import { readVocabulary } from '../../src/model/vocabulary.ts';
import { models } from '../support/models.ts';
import { shared } from '../support/shared.ts';
import { errorOf } from './synthetic.ts';
import { temporaryFolder } from './temporary.ts';

const root = temporaryFolder();

/** The bytes of tokens 0 to 255 in GPT-2's order, which its vocabularies keep: printable Latin-1 first. */
const printable = [...range(0x21, 0x7e), ...range(0xa1, 0xac), ...range(0xae, 0xff)];
const others = range(0, 0xff).filter((byte) => !printable.includes(byte));
const byteOrder = [...printable, ...others];

function range(first: number, last: number): number[] {
  return Array.from({ length: last - first + 1 }, (_, i) => first + i);
}

const tokenOfByte = (byte: number) => byteOrder.indexOf(byte);
const byteTokens = (text: string) => Array.from(Buffer.from(text), tokenOfByte);

const vocab: Record<string, number> = {};
printable.forEach((byte, token) => {
  vocab[String.fromCharCode(byte)] = token;
});
others.forEach((_, i) => {
  vocab[String.fromCharCode(0x100 + i)] = printable.length + i;
});
for (let token = 258; token < 50256; token += 1) vocab[`x${token}`] = token;
Object.assign(vocab, { Ġt: 256, Ġa: 257, '': 50256 });

const added = [
  { id: 50257, content: '<|endoftext|>', special: true },
  { id: 50258, content: '<|startoftranscript|>', special: true },
  { id: 50259, content: '<|en|>', special: true },
  { id: 50362, content: '<|nocaptions|>', special: true },
  { id: 50363, content: '<|notimestamps|>', special: true },
];

const byteLevel = { type: 'ByteLevel', add_prefix_space: false, trim_offsets: true, use_regex: true };
const content = {
  version: '1.0',
  added_tokens: added,
  normalizer: null,
  pre_tokenizer: byteLevel,
  post_processor: null,
  decoder: byteLevel,
  model: { type: 'BPE', vocab, merges: ['Ġ t', 'Ġ a'] as unknown[] },
};

let count = 0;

/** A tokenizer of this tokenizer.json, an object or the text itself. */
function open(json: unknown = content, nVocab = 51865) {
  const folder = join(root, `${++count}`);
  mkdirSync(folder);
  writeFileSync(join(folder, 'tokenizer.json'), typeof json === 'string' ? json : JSON.stringify(json));
  return openTokenizer(folder, nVocab);
}

const tokenizer = await open();
const { encode, decode, decodeStream, special } = tokenizer;

describe('decode', () => {
  test('joins the bytes of all tokens', () => {
    const text = '"Grüße", \\ 東京は 😀\n\u{feff}\0 –';
    expect(decode(byteTokens(text))).toBe(text);
    expect(decode([256, 257, 50256, 258])).toBe(' t ax258');
  });

  test('drops special tokens and timestamps, wherever they are', () => {
    expect(decode([50258, 50259, 50363, 50364, ...byteTokens('a'), 50400, ...byteTokens('b'), 51864, 50257])).toBe(
      'ab',
    );
  });

  test('drops a character that is incomplete at the end, and marks bytes that are none', () => {
    const emoji = byteTokens('😀');
    expect(decode([...byteTokens('a'), ...emoji.slice(0, 3)])).toBe('a');
    expect(decode([...emoji.slice(0, 2), ...byteTokens('b')])).toBe('\ufffdb');
    expect(decode([tokenOfByte(0xff), ...byteTokens('c')])).toBe('\ufffdc');
  });

  test('as a stream gives a character once it is complete', () => {
    const stream = decodeStream();
    expect(byteTokens('é😀').map((token) => stream.push(token))).toEqual(['', 'é', '', '', '', '😀']);
  });

  test('as a stream gives the same text in all, whatever the tokens', () => {
    fc.assert(
      fc.property(fc.array(fc.oneof(fc.nat(255), fc.nat(51864))), (tokens) => {
        const stream = decodeStream();
        expect(tokens.map((token) => stream.push(token)).join('')).toBe(decode(tokens));
      }),
    );
  });
});

describe('encode', () => {
  test('finds merges, and gives back every text through decode', () => {
    expect(encode(' t a')).toEqual([256, 257]);
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme' }), (text) => {
        expect(decode(encode(text))).toBe(text);
      }),
      { numRuns: 50 },
    );
  });

  test('makes no special token of what looks like one', () => {
    const tokens = encode('a<|endoftext|>b');
    expect(Math.max(...tokens)).toBeLessThan(special.eot);
    expect(decode(tokens)).toBe('a<|endoftext|>b');
  });

  test.each([
    ['restores the first merge where a file has lost it', ['Ġ a']],
    [
      'reads merges written as pairs',
      [
        ['Ġ', 't'],
        ['Ġ', 'a'],
      ],
    ],
    ['restores the first of merges written as pairs', [['Ġ', 'a']]],
  ])('%s', async (_, merges) => {
    const { encode } = await open({ ...content, model: { ...content.model, merges } });
    expect(encode(' t a')).toEqual([256, 257]);
  });

  test('says if the file has no merges, and decodes all the same', async () => {
    const { encode, decode } = await open({ ...content, model: { ...content.model, merges: undefined } });
    expect(decode(byteTokens('text'))).toBe('text');
    expect(() => encode('text')).toThrow(ModelError);
  });

  test.each(['decoder', 'pre_tokenizer'])('names the file where its %s is of no use', async (part) => {
    for (const wrong of [undefined, { type: 'x' }]) {
      const { encode, decode } = await open({ ...content, [part]: wrong });
      expect(decode(byteTokens('text'))).toBe('text');
      const encoding = async () => encode('text');
      await encoding().then(
        (tokens) => expect(tokens.length).toBeGreaterThan(0),
        (error) =>
          expect(error).toMatchObject({ code: 'MODEL_DAMAGED', message: expect.stringContaining('tokenizer.json') }),
      );
    }
  });
});

describe('openTokenizer', () => {
  const escaped = JSON.stringify(content).replace(
    /[^\0-\x7f]/g,
    (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
  const { model, ...rest } = content;
  const reordered = { model: { merges: model.merges, vocab, type: 'BPE' }, ...rest };

  test.each([
    ['indented', JSON.stringify(content, undefined, 2)],
    ['escaped', escaped],
    ['in another order', JSON.stringify(reordered)],
  ])('reads a file that is %s', async (_, json) => {
    const { decode, encode } = await open(json);
    const text = '"\\ Grüße 東京\0';
    expect(decode(byteTokens(text))).toBe(text);
    expect(encode(' t')).toEqual([256]);
  });

  test('reads a file with timestamps among the added tokens', async () => {
    const timestamps = Array.from({ length: 1501 }, (_, i) => ({
      id: 50364 + i,
      content: `<|${(i / 50).toFixed(2)}|>`,
    }));
    const { decode, special } = await open({ ...content, added_tokens: [...added, ...timestamps] });
    expect(special.timestampBegin).toBe(50364);
    expect(decode([50364, ...byteTokens('a'), 50414])).toBe('a');
  });

  test.each([
    ['of a model with another vocabulary', content, 51864, '<|endoftext|> is token 50257, but 50256'],
    [
      'with a language elsewhere',
      { ...content, added_tokens: [{ id: 50260, content: '<|en|>' }] },
      51865,
      '<|en|> is token 50260, but 50259',
    ],
    [
      'with timestamps elsewhere',
      { ...content, added_tokens: [{ id: 50365, content: '<|0.00|>' }] },
      51865,
      '<|0.00|> is token 50365',
    ],
    ['that lacks a token', { ...content, model: { vocab: { a: 0, b: 2 } } }, 51865, 'lacks token 1'],
    ['of another kind', { model: { vocab: [['a', 0]] } }, 51865, 'no tokenizer.json with a vocabulary'],
    ['with an added token that is none', { ...content, added_tokens: [{ id: '1' }] }, 51865, 'no added token'],
    ['with a vocabulary that is none', '{"added_tokens": [], "model": {"vocab": {"a": "b"}}}', 51865, 'makes no sense'],
    ['cut off in the vocabulary', JSON.stringify(content).slice(0, 300_000), 51865, 'makes no sense'],
  ])('refuses a file %s', async (_, json, nVocab, message) => {
    const error = await errorOf(() => open(json, nVocab));
    expect(error).toMatchObject({ code: 'MODEL_DAMAGED', message: expect.stringContaining('tokenizer.json') });
    expect((error as Error).message).toContain(message);
  });

  test('names a file that is not there', async () => {
    const error = await errorOf(() => openTokenizer(join(root, 'absent'), 51865));
    expect(error).toMatchObject({ code: 'MODEL_UNREADABLE', message: expect.stringContaining('absent') });
  });

  test('fails with a ModelError and nothing else, whatever is changed in the file', () => {
    const small = JSON.stringify({ ...content, model: { vocab: { '"': 0, '\\': 1, é: 2 }, merges: [] } });
    fc.assert(
      fc.property(fc.nat(small.length), fc.nat(9), fc.string({ maxLength: 4 }), (at, removed, inserted) => {
        try {
          readVocabulary(small.slice(0, at) + inserted + small.slice(at + removed), 'tokenizer.json');
        } catch (error) {
          expect(error).toBeInstanceOf(ModelError);
        }
      }),
      { numRuns: 1000 },
    );
  });
});

const base = models.base === undefined ? undefined : await openTokenizer(models.base, 51865);

describe.skipIf(base === undefined)('the tokenizer of whisper-base', () => {
  const { encode, decode, decodeStream } = base ?? tokenizer;

  // openai/whisper tests/test_tokenizer.py, test_split_on_unicode: the last token's first byte belongs to no character.
  test('decodes what the reference splits on Unicode', () => {
    expect(decode([8404, 871, 287, 6, 246, 526, 3210, 20378])).toBe(" elle est l'\ufffdéritoire");
  });

  test('decodes every text token as the library does, where it ends on a character', () => {
    const library = new Tokenizer(JSON.parse(readFileSync(join(models.base!, 'tokenizer.json'), 'utf8')), {});
    for (let first = 0; first < 50256; first += 64) {
      const tokens = range(first, Math.min(first + 63, 50255));
      const expected = library.decode([...tokens, 13], { clean_up_tokenization_spaces: false });
      expect(decode([...tokens, 13])).toBe(expected);
    }
  });

  test.each([
    // The ids that openai/whisper gives, whose vocabulary has the merge that the file has lost.
    [' there', [456]],
    [' the time to talk', [264, 565, 281, 751]],
  ])('encodes %j as the reference', (text, tokens) => {
    expect(encode(text)).toEqual(tokens);
  });

  test.each([
    'Ünïcödé – “quotes” …',
    '東京は日本の首都です。',
    '👩‍👩‍👧 😀 🇩🇪',
    ' \n\t  tabs',
    'مرحبا بالعالم',
    '한국어',
  ])('gives %j back', (text) => {
    const tokens = encode(text);
    expect(decode(tokens)).toBe(text);
    const stream = decodeStream();
    expect(tokens.map((token) => stream.push(token)).join('')).toBe(text);
  });

  test.skipIf(shared === undefined)('decodes and encodes the reference results', () => {
    const folder = join(shared!, 'golden/whisper-base');
    const results = readdirSync(folder)
      .filter((name) => name.endsWith('.json') && !name.includes('.generate.'))
      .map((name) => JSON.parse(readFileSync(join(folder, name), 'utf8')).short_no_timestamps)
      .filter((result) => result !== undefined);
    expect(results.length).toBeGreaterThan(3);
    for (const { tokens, text, language } of results) {
      expect(decode(tokens).trim()).toBe(text);
      // In German the model cuts a word in another way than the merges do.
      if (language === 'en') expect(encode(decode(tokens))).toEqual(tokens);
    }
  });
});

describe.skipIf(models.tinyEn === undefined)('the tokenizer of whisper-tiny.en', () => {
  test('encodes and decodes with its own vocabulary', async () => {
    const { encode, decode, special } = await openTokenizer(models.tinyEn!, 51864);
    expect(special.isMultilingual).toBe(false);
    expect(encode(' And so my fellow Americans')).toEqual([843, 523, 616, 5891, 3399]);
    expect(decode([50257, 50362, 843, 523, 50256])).toBe(' And so');
  });

  test('is refused for a multilingual model', async () => {
    expect(await errorOf(() => openTokenizer(models.tinyEn!, 51865))).toBeInstanceOf(ModelError);
  });
});
