import { openFile } from './byte-source.ts';
import { fileKind, headBytes } from './file-kind.ts';
import { skipTags } from './formats/id3.ts';
import { PeekSource } from './peek-source.ts';

/**
 * Looks whether a file begins as some format of sound or video does.
 *
 * @throws AudioError where it cannot be read
 */
export async function beginsAsRecording(path: string): Promise<boolean> {
  await using source = new PeekSource(await openFile(path));
  await skipTags(source);
  const kind = fileKind(await source.peek(headBytes));
  return kind !== undefined && !kind.isSilent;
}
