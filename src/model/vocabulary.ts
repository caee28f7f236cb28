import { damaged, jsonObject } from './model-files.ts';

/** What a `tokenizer.json` says about tokens, short of how text is cut into them. */
export interface Vocabulary {
  /** By token: its bytes, spelt with the characters of {@link pieceBytes}. Tokens that are no text may lack one. */
  readonly pieces: readonly (string | undefined)[];
  /** Tokens by content of those added to the text's: special tokens and, in newer files, timestamps. */
  readonly added: ReadonlyMap<string, number>;
}

/** A flat part of the file: how it opens, one member, what closes it. */
interface Part {
  readonly opening: RegExp;
  readonly member: RegExp;
  readonly closing: string;
}

const vocabularyPart: Part = {
  opening: /"vocab"\s*:\s*\{/,
  member: /\s*"([^"\\]*(?:\\.[^"\\]*)*)"\s*:\s*(\d{1,7})\s*,?/y,
  closing: '}',
};

const addedTokensPart: Part = {
  opening: /"added_tokens"\s*:\s*\[/,
  member: /\s*(\{(?:[^{}"]|"[^"\\]*(?:\\.[^"\\]*)*")*\})\s*,?/y,
  closing: ']',
};

/**
 * Reads the vocabulary out of the text of a `tokenizer.json`.
 *
 * Parsing all of the file as JSON and turning its object of 50,000 keys round takes 80 ms before the first word can be
 * shown, much of it for the merges, which only encoding needs. Matching the members of the two flat parts takes 20 ms.
 *
 * @param path names the file in errors
 * @throws ModelError `MODEL_DAMAGED` if there are no such parts or they hold something else
 */
export function readVocabulary(text: string, path: string): Vocabulary {
  const pieces: string[] = [];
  forEachMember(text, vocabularyPart, path, (piece, token) => {
    pieces[Number(token)] = unescapeJson(piece, path);
  });
  const added = new Map<string, number>();
  forEachMember(text, addedTokensPart, path, (item) => {
    const { content, id } = jsonObject(item, path);
    if (typeof content !== 'string' || typeof id !== 'number') throw damaged(path, `${item} is no added token`);
    added.set(content, id);
  });
  return { pieces, added };
}

function forEachMember(text: string, part: Part, path: string, visit: (first: string, second: string) => void): void {
  const { opening, member, closing } = part;
  const start = opening.exec(text);
  if (start === null) throw damaged(path, 'is no tokenizer.json with a vocabulary and added tokens');
  let position = start.index + start[0].length;
  member.lastIndex = position;
  for (let match = member.exec(text); match !== null; match = member.exec(text)) {
    visit(match[1] ?? '', match[2] ?? '');
    position = member.lastIndex;
  }
  if (text.slice(position).trimStart()[0] !== closing)
    throw damaged(path, `makes no sense from character ${position} on`);
}

function unescapeJson(json: string, path: string): string {
  if (!json.includes('\\')) return json;
  const { piece } = jsonObject(`{"piece":"${json}"}`, path);
  return String(piece);
}

/**
 * Character code -> byte, as GPT-2 spells bytes so that every token is printable text: printable characters of
 * Latin-1 stand for themselves, the other bytes, in order, for the characters from U+0100 on.
 * Source: openai/gpt-2 encoder.py, bytes_to_unicode.
 */
const byteByCharacter: ReadonlyMap<number, number> = new Map(characterTable());

function characterTable(): [character: number, byte: number][] {
  const isPrintable = (byte: number) =>
    (byte >= 0x21 && byte <= 0x7e) || (byte >= 0xa1 && byte <= 0xac) || byte >= 0xae;
  let next = 0x100;
  return Array.from({ length: 256 }, (_, byte) => [isPrintable(byte) ? byte : next++, byte]);
}

/**
 * The bytes that a token's piece stands for.
 *
 * @returns undefined if a character of it stands for none
 */
export function pieceBytes(piece: string): Uint8Array | undefined {
  const bytes = new Uint8Array(piece.length);
  for (let i = 0; i < piece.length; i += 1) {
    const byte = byteByCharacter.get(piece.charCodeAt(i));
    if (byte === undefined) return undefined;
    bytes[i] = byte;
  }
  return bytes;
}
