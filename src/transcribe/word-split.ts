import type { WhisperTokenizer } from '../model/tokenizer.ts';

/** A piece of text and its tokens. */
export interface TextPiece {
  readonly text: string;
  readonly tokens: readonly number[];
}

/** Languages that put no spaces between words. Source: openai/whisper tokenizer.py, split_to_word_tokens. */
const spacelessLanguages: ReadonlySet<string> = new Set(['zh', 'ja', 'th', 'lo', 'my', 'yue']);

const asciiPunctuation = '!"#$%&\'()*+,-./:;<=>?@[\\]^_`{|}~';

/** Splits text tokens into words: at spaces and punctuation, or into characters where the language has no spaces. */
export function splitIntoWords(tokens: readonly number[], language: string, tokenizer: WhisperTokenizer): TextPiece[] {
  const characters = splitIntoCharacters(tokens, tokenizer);
  return spacelessLanguages.has(language) ? characters : joinAtSpaces(characters);
}

/** The shortest runs of tokens that are whole characters. Source: openai/whisper tokenizer.py, split_tokens_on_unicode. */
function splitIntoCharacters(tokens: readonly number[], tokenizer: WhisperTokenizer): TextPiece[] {
  const stream = tokenizer.decodeStream();
  const pieces: TextPiece[] = [];
  let pending: number[] = [];
  let text = '';
  for (const token of tokens) {
    pending.push(token);
    text += stream.push(token);
    if (!stream.endsWhole || text === '') continue;
    pieces.push({ text, tokens: pending });
    pending = [];
    text = '';
  }
  const last = pieces.at(-1);
  if (pending.length > 0 && last !== undefined)
    pieces.splice(-1, 1, { text: last.text + text, tokens: [...last.tokens, ...pending] });
  return pieces;
}

/** Source: openai/whisper tokenizer.py, split_tokens_on_spaces. */
function joinAtSpaces(pieces: readonly TextPiece[]): TextPiece[] {
  const words: TextPiece[] = [];
  for (const piece of pieces) {
    const last = words.at(-1);
    const isPunctuation = asciiPunctuation.includes(piece.text.trim());
    if (last === undefined || piece.text.startsWith(' ') || isPunctuation) words.push(piece);
    else words.splice(-1, 1, { text: last.text + piece.text, tokens: [...last.tokens, ...piece.tokens] });
  }
  return words;
}
