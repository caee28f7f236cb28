import { readFile } from 'node:fs/promises';
import { isUrl } from '../../../audio/byte-source.ts';
import { shellCommand } from '../../../child-program.ts';
import { UsageError } from '../../../errors.ts';

/** What text has at its beginning to say how it is written; Windows PowerShell writes the first of them. */
const marks = [
  { bytes: [0xff, 0xfe], encoding: 'utf-16le' },
  { bytes: [0xfe, 0xff], encoding: 'utf-16be' },
] as const;

/** Control characters but white space and NUL, and bytes that are no UTF-8: a name may hold one, a list hardly any. */
const notText = /[^\P{Cc}\0\t-\r]|\ufffd/gu;
/** Beyond this share of the characters that are not NUL something is no text. */
const maxNotText = 0.1;

/**
 * Reads a list of paths, one a line, or parted by NUL as `find -print0` writes them (then a name may hold line breaks). It
 * is UTF-8, or UTF-16 with a byte-order mark.
 *
 * @param source a file, or '-' for `stdin`
 * @throws UsageError ('LIST_UNREADABLE', 'LIST_NO_TEXT')
 */
export async function readInputList(source: string, stdin: NodeJS.ReadableStream): Promise<string[]> {
  const bytes = await (source === '-' ? readAll(stdin) : readFile(source)).catch((cause: Error) => {
    if (isUrl(source)) throw urlIsNoList(source, cause);
    throw new UsageError('LIST_UNREADABLE', `the list of files ${source} cannot be read: ${cause.message}`, { cause });
  });
  const marked = marks.find(({ bytes: mark }) => mark.every((byte, i) => bytes[i] === byte));
  if (marked !== undefined && bytes.length % 2 === 1)
    throw noText(source, 'is cut short: half of its last character is missing');
  const text = new TextDecoder(marked?.encoding).decode(bytes); // drops the mark
  const paths = text.split(text.includes('\0') ? '\0' : /\r?\n/).filter((path) => path !== '');
  if ((text.match(notText)?.length ?? 0) > maxNotText * text.replaceAll('\0', '').length)
    throw noText(source, 'is no text in UTF-8 or UTF-16');
  if (text.includes('\0') && isUnmarkedUtf16(paths))
    throw noText(source, 'seems to be UTF-16 without the byte-order mark that says so');
  return paths;
}

/** Every second byte is NUL where letters of two bytes are taken for single ones, among them those that part names. */
function isUnmarkedUtf16(paths: readonly string[]): boolean {
  const single = paths.filter((path) => path.length === 1);
  return single.length > Math.max(1, paths.length / 2) && single.some((path) => /[/\\:.\r\n]/.test(path));
}

function urlIsNoList(url: string, cause: Error): UsageError {
  return new UsageError(
    'LIST_UNREADABLE',
    `the list of files ${url} is an address: nothing is fetched from the network`,
    {
      hint: `fetch it on the way: ${shellCommand('curl', '-L', url)} | whisper-npu transcribe --files-from -`,
      cause,
    },
  );
}

function noText(source: string, why: string): UsageError {
  return new UsageError('LIST_NO_TEXT', `the list of files ${source} ${why}`, {
    hint: 'name a text with a path on each line, in UTF-8; a recording is named without --files-from',
  });
}

async function readAll(stream: NodeJS.ReadableStream): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of stream) chunks.push(Buffer.from(chunk));
  return Buffer.concat(chunks);
}
