import { createReadStream } from 'node:fs';

/** A form as it goes over the wire. */
export interface FormBody {
  readonly contentType: string;
  /** Its bytes from the beginning, each time anew. */
  bytes(): AsyncGenerator<Uint8Array>;
}

/**
 * A form with fields and, behind them, a file that is read block by block.
 *
 * @param name what the file is called
 * @param boundary what is in no part
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
      for await (const block of createReadStream(path)) yield block as Buffer;
      yield Buffer.from(`\r\n--${boundary}--\r\n`);
    },
  };
}

/** As browsers write names. */
function quoted(name: string): string {
  return name.replaceAll('\n', '%0A').replaceAll('\r', '%0D').replaceAll('"', '%22');
}
