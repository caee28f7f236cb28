import { randomBytes } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { AudioError } from '../errors.ts';

/** A form as it goes over the wire. */
export interface FormBody {
  readonly contentType: string;
  /** Its bytes from the beginning, each time anew. @throws AudioError 'AUDIO_READ_FAILED' */
  bytes(): AsyncGenerator<Uint8Array>;
}

/** What is in no part of a form. */
export function newBoundary(): string {
  return `whisper-npu-${randomBytes(16).toString('hex')}`;
}

/**
 * A form with fields and, behind them, a file that is read block by block.
 *
 * @param name what the file is called
 * @param boundary of newBoundary()
 */
export function formBody(
  fields: readonly (readonly [name: string, value: string])[],
  { path, name }: { readonly path: string; readonly name: string },
  boundary: string,
): FormBody {
  const parts = fields.map(
    ([field, value]) => `--${boundary}\r\nContent-Disposition: form-data; name="${quoted(field)}"\r\n\r\n${value}\r\n`,
  );
  const head = `${parts.join('')}--${boundary}\r\nContent-Disposition: form-data; name="file"; filename="${quoted(name)}"\r\nContent-Type: application/octet-stream\r\n\r\n`;
  return {
    contentType: `multipart/form-data; boundary=${boundary}`,
    async *bytes() {
      yield Buffer.from(head);
      yield* blocksOf(path);
      yield Buffer.from(`\r\n--${boundary}--\r\n`);
    },
  };
}

async function* blocksOf(path: string): AsyncGenerator<Buffer> {
  const file = createReadStream(path);
  try {
    yield* file;
  } catch (cause) {
    if (file.errored !== cause) throw cause; // of whoever takes the blocks
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new AudioError('AUDIO_READ_FAILED', `${path} cannot be read any further: ${reason}`, { cause });
  }
}

/** As browsers write names. */
function quoted(name: string): string {
  return name.replaceAll('\n', '%0A').replaceAll('\r', '%0D').replaceAll('"', '%22');
}
