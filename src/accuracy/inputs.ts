import { readFile } from 'node:fs/promises';
import { basename, dirname, extname, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { UsageError } from '../errors.ts';

/** A recording to compare on, with what is said in it where that is known. */
export interface AccuracyInput {
  /** As it was named. */
  readonly name: string;
  readonly path: string;
  readonly transcript?: string;
}

const sample = fileURLToPath(new URL('../../samples/espeak-en-16k.wav', import.meta.url));

/**
 * What to compare on: files and those of a manifest; the sample of this program where none are given.
 *
 * @throws UsageError 'STDIN_UNFIT', 'TRANSCRIPT_UNREADABLE', 'MANIFEST_UNREADABLE' or 'MANIFEST_INVALID'
 */
export async function accuracyInputs(files: readonly string[], manifest: string | undefined): Promise<AccuracyInput[]> {
  if (files.includes('-')) {
    throw new UsageError('STDIN_UNFIT', 'a comparison reads files, not stdin', {
      hint: 'Write it to a file first; its content tells a stored reference which it is.',
    });
  }
  const listed = manifest === undefined ? [] : await readManifest(manifest);
  if (manifest !== undefined && listed.length === 0)
    throw new UsageError('MANIFEST_INVALID', `${manifest} names no recording`);
  if (files.length + listed.length === 0) return [await withTranscript(basename(sample), sample)];
  return [...(await Promise.all(files.map((file) => withTranscript(file, file)))), ...listed];
}

/** FILE.txt beside FILE.wav holds what is said in it. */
async function withTranscript(name: string, path: string): Promise<AccuracyInput> {
  const beside = `${path.slice(0, path.length - extname(path).length)}.txt`;
  try {
    return { name, path, transcript: await readFile(beside, 'utf8') };
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'ENOENT') return { name, path };
    throw new UsageError('TRANSCRIPT_UNREADABLE', `cannot read the transcript ${beside}: ${String(cause)}`, { cause });
  }
}

/**
 * Reads lines of `audio<TAB>transcript`; the audio's path counts from the manifest's folder. Empty lines and those that
 * begin with # are skipped. Without a transcript, FILE.txt beside the audio is looked for.
 */
async function readManifest(path: string): Promise<AccuracyInput[]> {
  const text = await readFile(path, 'utf8').catch((cause: unknown) => {
    throw new UsageError('MANIFEST_UNREADABLE', `cannot read the manifest ${path}: ${String(cause)}`, { cause });
  });
  const inputs: AccuracyInput[] = [];
  for (const [index, line] of text
    .replace(/^\uFEFF/, '')
    .split(/\r?\n/)
    .entries()) {
    if (line.trim() === '' || line.startsWith('#')) continue;
    const [audio = '', transcript, ...more] = line.split('\t');
    if (audio.trim() === '' || more.length > 0) {
      throw new UsageError('MANIFEST_INVALID', `${path}, line ${index + 1} is not audio<TAB>transcript`, {
        hint: 'Write the path of an audio file, a tab, and what is said in it, on one line.',
      });
    }
    const name = audio.trim();
    const audioPath = resolve(dirname(path), name);
    inputs.push(
      transcript === undefined ? await withTranscript(name, audioPath) : { name, path: audioPath, transcript },
    );
  }
  return inputs;
}
