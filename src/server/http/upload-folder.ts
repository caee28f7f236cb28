import { rmSync } from 'node:fs';
import { lstat, mkdir, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { WhisperNpuError } from '../../errors.ts';
import { fateOf, processToken } from '../../model/process-token.ts';

const prefix = 'whisper-npu-uploads-';

/** A folder for recordings that are worked on, which nobody else can look into. Disposing of it removes it. */
export interface UploadFolder extends AsyncDisposable {
  readonly path: string;
  /** A path for one more file. */
  newPath(): string;
}

/**
 * Makes such a folder. What a process left that was killed is removed.
 *
 * @param parent by default the system's folder for temporary files
 * @throws WhisperNpuError 'UPLOADS_NOT_WRITABLE'
 */
export async function openUploadFolder(parent: string = tmpdir()): Promise<UploadFolder> {
  // Absolute, as other programs say it: a client is told the recording's own name in place of it.
  const path = resolve(parent, `${prefix}${processToken()}`);
  try {
    await removeLeftovers(parent);
    await mkdir(path, { mode: 0o700 });
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new WhisperNpuError('UPLOADS_NOT_WRITABLE', `there is no folder for recordings that are sent: ${reason}`, {
      hint: 'name one that can be written: --upload-dir FOLDER, or TMPDIR',
      cause,
    });
  }
  // However the program ends, unless it is killed.
  const removeAtOnce = () => rmSync(path, { recursive: true, force: true });
  process.on('exit', removeAtOnce);
  let count = 0;
  return {
    path,
    newPath: () => join(path, String(count++)),
    async [Symbol.asyncDispose]() {
      process.off('exit', removeAtOnce);
      await rm(path, { recursive: true, force: true });
    },
  };
}

async function removeLeftovers(parent: string): Promise<void> {
  for (const name of await readdir(parent)) {
    if (!name.startsWith(prefix) || fateOf(name.slice(prefix.length)) !== 'ended') continue;
    const folder = join(parent, name);
    // The folder for temporary files is everybody's, and anybody may give something there such a name.
    const status = await lstat(folder).catch(() => undefined);
    if (status?.isDirectory() && status.uid === process.getuid?.()) await rm(folder, { recursive: true, force: true });
  }
}
