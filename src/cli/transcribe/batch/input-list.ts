import { readFile } from 'node:fs/promises';
import { UsageError } from '../../../errors.ts';

/**
 * Reads a list of paths, one a line, or parted by NUL as `find -print0` writes them (then a name may hold line breaks).
 *
 * @param source a file, or '-' for `stdin`
 * @throws UsageError ('LIST_UNREADABLE')
 */
export async function readInputList(source: string, stdin: NodeJS.ReadableStream): Promise<string[]> {
  const bytes = await (source === '-' ? readAll(stdin) : readFile(source)).catch((cause: Error) => {
    throw new UsageError('LIST_UNREADABLE', `the list of files ${source} cannot be read: ${cause.message}`, { cause });
  });
  const text = new TextDecoder().decode(bytes); // drops a byte-order mark
  return text.split(text.includes('\0') ? '\0' : /\r?\n/).filter((path) => path !== '');
}

async function readAll(stream: NodeJS.ReadableStream): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of stream) chunks.push(Buffer.from(chunk));
  return Buffer.concat(chunks);
}
