import { type FileHandle, open } from 'node:fs/promises';
import { addAbortSignal, Readable } from 'node:stream';
import { shellCommand } from '../child-program.ts';
import { AudioError } from '../errors.ts';

/** Bytes read strictly forward, from a file or a pipe. */
export interface ByteSource extends AsyncDisposable {
  /** what messages call it: the path, or `stdin` */
  readonly name: string;
  /** unknown for pipes */
  readonly sizeBytes: number | undefined;
  /**
   * Fills `target` with the next bytes.
   *
   * @returns how many were filled: less than `target.length` only at the end
   * @throws AudioError ('AUDIO_READ_FAILED')
   */
  readInto(target: Uint8Array): Promise<number>;
  /** The last bytes, `sizeBytes` at most, without moving on; absent where they have not arrived yet. */
  readTail?(sizeBytes: number): Promise<Uint8Array>;
}

/**
 * Opens a file, named pipe or device for reading.
 *
 * @throws AudioError ('AUDIO_NOT_FOUND', 'AUDIO_IS_URL', 'AUDIO_NO_PERMISSION', 'AUDIO_IS_DIRECTORY', 'AUDIO_OPEN_FAILED')
 */
export async function openFile(path: string): Promise<ByteSource> {
  let handle: FileHandle | undefined;
  try {
    handle = await open(path);
    const stats = await handle.stat();
    if (stats.isDirectory()) throw directoryError(path);
    return fileSource(path, handle, stats.isFile() ? stats.size : undefined);
  } catch (error) {
    await handle?.close();
    throw openError(path, error);
  }
}

function fileSource(name: string, handle: FileHandle, sizeBytes: number | undefined): ByteSource {
  async function readTail(tailBytes: number): Promise<Uint8Array> {
    const start = Math.max(0, (sizeBytes ?? 0) - tailBytes);
    const reading = handle.read(new Uint8Array(tailBytes), 0, tailBytes, start);
    const { buffer, bytesRead } = await reading.catch((cause: unknown) => {
      throw readError(name, cause);
    });
    return buffer.subarray(0, bytesRead);
  }

  return {
    name,
    sizeBytes,
    ...(sizeBytes === undefined ? {} : { readTail }),
    async readInto(target) {
      let filled = 0;
      while (filled < target.length) {
        const { bytesRead } = await handle.read(target, filled, target.length - filled).catch((cause: unknown) => {
          throw readError(name, cause);
        });
        if (bytesRead === 0) break;
        filled += bytesRead;
      }
      return filled;
    },
    [Symbol.asyncDispose]: () => handle.close(),
  };
}

/**
 * Reads a stream that somebody else opened. Disposing the source ends the stream.
 *
 * @param signal ends a read that still waits for bytes; its reason is thrown then
 */
export function streamSource(name: string, stream: NodeJS.ReadableStream, signal?: AbortSignal): ByteSource {
  if (signal !== undefined && stream instanceof Readable) addAbortSignal(signal, stream);
  const chunks = stream[Symbol.asyncIterator]();
  let rest: Uint8Array = new Uint8Array(0);

  async function pull(): Promise<boolean> {
    try {
      const { value, done } = await chunks.next();
      if (done) return false;
      rest = typeof value === 'string' ? Buffer.from(value) : value;
      return true;
    } catch (cause) {
      signal?.throwIfAborted();
      throw readError(name, cause);
    }
  }

  return {
    name,
    sizeBytes: undefined,
    async readInto(target) {
      let filled = 0;
      while (filled < target.length && (rest.length > 0 || (await pull()))) {
        const part = rest.subarray(0, target.length - filled);
        target.set(part, filled);
        filled += part.length;
        rest = rest.subarray(part.length);
      }
      return filled;
    },
    async [Symbol.asyncDispose]() {
      // Returning the iterator would wait for a read under way.
      if (stream instanceof Readable) stream.destroy();
      else await chunks.return?.();
    },
  };
}

function directoryError(path: string): AudioError {
  return new AudioError('AUDIO_IS_DIRECTORY', `${path} is a directory, not an audio file`, {
    hint: 'name the files in it',
  });
}

function openError(path: string, cause: unknown): unknown {
  if (cause instanceof AudioError) return cause;
  switch (systemCode(cause)) {
    case 'ENOENT':
    case 'ENOTDIR':
      if (isUrl(path)) return urlError(path, cause);
      return new AudioError('AUDIO_NOT_FOUND', `${path} does not exist`, { hint: 'check the path', cause });
    case 'EACCES':
    case 'EPERM':
      return new AudioError('AUDIO_NO_PERMISSION', `${path} may not be read by this user`, {
        hint: 'check the permissions of the file and of the folders above it',
        cause,
      });
    default:
      return new AudioError('AUDIO_OPEN_FAILED', `${path} cannot be opened: ${messageOf(cause)}`, { cause });
  }
}

/** Whether something is written like an address: a scheme, which no drive's letter is, and two slashes. */
export function isUrl(path: string): boolean {
  return /^[a-z][a-z0-9+.-]+:\/\//i.test(path);
}

function urlError(url: string, cause: unknown): AudioError {
  return new AudioError('AUDIO_IS_URL', `${url} is an address, not a file: nothing is fetched from the network`, {
    hint: urlHint(url),
    cause,
  });
}

function urlHint(url: string): string {
  if (/^file:/i.test(url)) return 'name the file by its path, without file://';
  if (!/^(https?|ftps?):/i.test(url)) return 'fetch it first with the program that is there for such addresses';
  return `fetch it first, or on the way: ${shellCommand('curl', '-L', url)} | whisper-npu transcribe -`;
}

function readError(name: string, cause: unknown): AudioError {
  return new AudioError('AUDIO_READ_FAILED', `${name} cannot be read any further: ${messageOf(cause)}`, { cause });
}

function systemCode(error: unknown): string | undefined {
  return error instanceof Error && 'code' in error ? String(error.code) : undefined;
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
