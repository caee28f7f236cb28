import { join } from 'node:path';
import { Tokenizer } from '@huggingface/tokenizers';
import { ModelError } from '../errors.ts';
import { damaged, jsonObject, readText } from './model-files.ts';
import { type SpecialTokens, specialTokenNames, specialTokens } from './special-tokens.ts';
import { pieceBytes, readVocabulary, type Vocabulary } from './vocabulary.ts';

/** Text to tokens and back. */
export interface WhisperTokenizer {
  readonly special: SpecialTokens;
  /** Text only: what looks like a special token becomes the tokens of its letters. */
  encode(text: string): number[];
  /** Drops special tokens and timestamps, and the bytes of a character that the last token leaves incomplete. */
  decode(tokens: readonly number[]): string;
  /** Starts decoding token by token. */
  decodeStream(): TokenStream;
}

/** Decodes tokens as they come. */
interface TokenStream {
  /** The characters that this token completes; none for special tokens and timestamps. */
  push(token: number): string;
  /** Whether the last token ended where a character ends. */
  readonly endsWhole: boolean;
}

/**
 * Opens the `tokenizer.json` of a model's folder.
 *
 * Decoding is done here, from the vocabulary alone, because transcribing needs nothing else: the library takes 150 ms to
 * start, and token by token it gives U+FFFD for a character that two tokens share. Encoding starts it, when first used.
 *
 * @param nVocab size of the model's vocabulary
 * @throws ModelError `MODEL_DAMAGED` if the file is not this model's or incomplete, `MODEL_UNREADABLE`,
 *   `MODEL_UNSUPPORTED`
 */
export async function openTokenizer(directory: string, nVocab: number): Promise<WhisperTokenizer> {
  const path = join(directory, 'tokenizer.json');
  const special = specialTokens(nVocab);
  const text = await readText(path);
  const vocabulary = readVocabulary(text, path);
  checkSpecialTokens(vocabulary, special, path);
  const bytesOf = textBytes(vocabulary, special, path);

  const decodeStream = (): TokenStream => {
    // Told to expect more, the decoder keeps an incomplete character to itself; bytes that can never become a character
    // are U+FFFD, as everywhere. A byte order mark is text like any other.
    const utf8 = new TextDecoder('utf-8', { ignoreBOM: true });
    let missing = 0;
    return {
      push(token) {
        const bytes = bytesOf(token);
        for (const byte of bytes) missing = bytesMissingAfter(byte, missing);
        return utf8.decode(bytes, { stream: true });
      },
      get endsWhole() {
        return missing === 0;
      },
    };
  };
  let encoder: Tokenizer | undefined;
  return {
    special,
    encode(words) {
      try {
        encoder ??= createEncoder(text, vocabulary, path);
        return encoder.encode(words, { add_special_tokens: false }).ids;
      } catch (error) {
        if (error instanceof ModelError) throw error;
        // The library reads these parts of the file, and its words are about them.
        throw damaged(path, `cannot turn text into tokens: ${error instanceof Error ? error.message : String(error)}`);
      }
    },
    decode(tokens) {
      const stream = decodeStream();
      return tokens.map((token) => stream.push(token)).join('');
    },
    decodeStream,
  };
}

/** How many bytes a UTF-8 character still lacks after this one; `missing` says how many it lacked before. */
function bytesMissingAfter(byte: number, missing: number): number {
  if (byte < 0x80) return 0;
  if (byte < 0xc0) return Math.max(0, missing - 1);
  return byte < 0xe0 ? 1 : byte < 0xf0 ? 2 : 3;
}

/** A tokenizer.json of another vocabulary would decode every text wrongly, and silently. */
function checkSpecialTokens({ added }: Vocabulary, special: SpecialTokens, path: string): void {
  for (const [name, token] of specialTokenNames(special)) {
    const actual = added.get(name);
    if (actual !== undefined && actual !== token)
      throw damaged(path, `${name} is token ${actual}, but ${token} in a model with ${special.nVocab} tokens`);
  }
}

/** Gives each text token's bytes, and none for others. */
function textBytes({ pieces }: Vocabulary, special: SpecialTokens, path: string): (token: number) => Uint8Array {
  for (let token = 0; token < special.eot; token += 1) {
    if (pieces[token] === undefined) throw damaged(path, `lacks token ${token}`);
  }
  return (token) => {
    const piece = token < special.eot ? pieces[token] : '';
    const bytes = pieceBytes(piece ?? '');
    if (bytes === undefined) throw damaged(path, `token ${token} (${piece}) is not written in bytes`);
    return bytes;
  };
}

function createEncoder(text: string, { pieces }: Vocabulary, path: string): Tokenizer {
  const { model, ...rest } = jsonObject(text, path);
  const { merges, ...bytePairs } = (model ?? {}) as { merges?: unknown };
  if (!Array.isArray(merges)) throw damaged(path, 'has no merges');
  return new Tokenizer(
    // Without added tokens the library has no special tokens to find in a text.
    { ...rest, added_tokens: [], model: { ...bytePairs, merges: withFirstMerge(merges, pieces) } },
    {},
  );
}

/**
 * Restores the first merge, space + t, to files that lack it, as that of whisper-base in CTranslate2's format does.
 * Without it " there" becomes two tokens instead of the one that Whisper learnt.
 * A piece's token is its merge's place in the list behind the 256 bytes, so token 256 tells what is missing.
 */
function withFirstMerge(merges: readonly unknown[], pieces: Vocabulary['pieces']): readonly unknown[] {
  const [left, right, ...rest] = pieces[256] ?? '';
  const isFirst = (merge: unknown) => (Array.isArray(merge) ? merge.join(' ') : merge) === `${left} ${right}`;
  if (rest.length > 0 || merges.some(isFirst)) return merges;
  const first = Array.isArray(merges[0]) ? [left, right] : `${left} ${right}`; // As the file writes the others.
  return [first, ...merges];
}
