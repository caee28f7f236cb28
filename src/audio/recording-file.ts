import { type ByteSource, openFile } from './byte-source.ts';
import { fileKind, headBytes } from './file-kind.ts';
import { skipTags } from './formats/id3.ts';
import { PeekSource } from './peek-source.ts';

/**
 * Looks whether a file begins as some format of sound or video does.
 *
 * @throws AudioError where it cannot be read
 */
export async function beginsAsRecording(path: string): Promise<boolean> {
  return isRecordingSource(await openFile(path));
}

/** The same of what is read from elsewhere, which is disposed of. */
export async function isRecordingSource(bytes: ByteSource): Promise<boolean> {
  await using source = new PeekSource(bytes);
  await skipTags(source);
  const kind = fileKind(await source.peek(headBytes));
  return kind !== undefined && !kind.isSilent;
}
