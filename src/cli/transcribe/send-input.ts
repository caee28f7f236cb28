import { basename } from 'node:path';
import { openFile, streamSource } from '../../audio/byte-source.ts';
import { copyToFile } from '../../audio/temporary-copy.ts';
import type { LanguageProbability } from '../../decoding/language.ts';
import { audioOptions } from '../../options/audio.ts';
import { formFields } from '../../options/form-text.ts';
import { passedOn } from '../../options/names.ts';
import type { CommandOptions } from '../../options/tables.ts';
import { detectLanguagesRemotely } from '../../remote/remote-languages.ts';
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

/** What a server is asked of recordings. */
export interface Remote {
  /** Has it listen to one as the command line asks for. */
  hear(recording: Sendable, signal: AbortSignal): Hearing;
  /** @returns which languages one may be in, likeliest first */
  languages(recording: Sendable, signal: AbortSignal): Promise<readonly LanguageProbability[]>;
}

export function openRemote(
  url: string,
  options: CommandOptions<'transcribe'>,
  settings: OutputSettings,
  terminal: Terminal,
): Remote {
  const { apiKey, model } = options;
  const ofModel: [string, string][] = model === undefined ? [] : [['model', model]];
  const { maxLineWidth: _, maxLineCount: _1, maxWordsPerLine: _2, highlightWords: _3, ...asked } = options;
  const { needsTimestamps, needsWords: wordTimestamps } = settings;
  const fields: [string, string][] = [
    ...formFields({ ...asked, wordTimestamps }),
    ...ofModel,
    ['timestamps', String(needsTimestamps)],
  ];
  const server = {
    url,
    apiKey,
    onBusy: (seconds: number) => terminal.note(`${url} is busy: it is asked again in ${seconds} s`),
  };
  let isTold = false;
  return {
    hear: (recording, signal) => async (told) => {
      const recognition = await recogniseRemotely({ ...server, signal }, { ...sentAs(recording), fields, ...told });
      if (!isTold) terminal.note(`model ${recognition.model} of ${url}, device ${recognition.device}`);
      isTold = true;
      return recognition;
    },
    languages(recording, signal) {
      const ofAudio = passedOn(options, [audioOptions], 'transcribe', 'openRecording()');
      return detectLanguagesRemotely(
        { ...server, signal },
        { ...sentAs(recording), fields: [...formFields(ofAudio), ...ofModel] },
      );
    },
  };
}

/** A file, and what the server calls it. */
function sentAs({ path, name }: Sendable): { readonly path: string; readonly name: string } {
  return { path, name: path === name ? basename(path) : name };
}
