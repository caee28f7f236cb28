import { basename } from 'node:path';
import { openFile, streamSource } from '../../audio/byte-source.ts';
import { copyToFile } from '../../audio/temporary-copy.ts';
import { formFields } from '../../options/form-text.ts';
import type { CommandOptions } from '../../options/tables.ts';
import { recogniseRemotely } from '../../remote/remote-recognition.ts';
import type { Session } from '../session.ts';
import type { Terminal } from '../terminal.ts';
import type { Hearing } from './hearing.ts';
import type { OutputSettings } from './output-settings.ts';

/** A recording that can be sent, again where the server is busy. Disposing of it frees what that takes. */
interface Sendable extends AsyncDisposable {
  readonly name: string;
  readonly path: string;
}

/**
 * What a file, a pipe or stdin holds.
 *
 * @throws AudioError where it cannot be read
 */
export async function openSendable(path: string, session: Session): Promise<Sendable> {
  await using source = path === '-' ? streamSource('stdin', session.stdin, session.signal) : await openFile(path);
  const { name } = source;
  if (source.sizeBytes !== undefined) return { name, path, [Symbol.asyncDispose]: async () => {} };
  const copy = await copyToFile(source);
  return { name, path: copy.path, [Symbol.asyncDispose]: () => copy[Symbol.asyncDispose]() };
}

/** Has a server listen to recordings as the command line asks for. */
export function remoteEar(
  url: string,
  options: CommandOptions<'transcribe'>,
  settings: OutputSettings,
  session: Session,
  terminal: Terminal,
): (recording: Sendable) => Hearing {
  const { apiKey, model } = options;
  const { maxLineWidth: _, maxLineCount: _1, maxWordsPerLine: _2, highlightWords: _3, ...asked } = options;
  const { needsTimestamps, needsWords: wordTimestamps } = settings;
  const fields: [string, string][] = [
    ...formFields({ ...asked, wordTimestamps }),
    ...(model === undefined ? [] : ([['model', model]] satisfies [string, string][])),
    ['timestamps', String(needsTimestamps)],
  ];
  const server = {
    url,
    apiKey,
    signal: session.signal,
    onBusy: (seconds: number) => terminal.note(`${url} is busy: it is asked again in ${seconds} s`),
  };
  let isTold = false;
  return ({ name, path }) =>
    async (told) => {
      const shortName = path === name ? basename(path) : name;
      const recognition = await recogniseRemotely(server, { path, name: shortName, fields, ...told });
      if (!isTold) terminal.note(`model ${recognition.model} of ${url}, device ${recognition.device}`);
      isTold = true;
      return recognition;
    };
}
