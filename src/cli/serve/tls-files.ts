import { readFile } from 'node:fs/promises';
import { createSecureContext } from 'node:tls';
import { UsageError } from '../../errors.ts';

interface TlsFiles {
  readonly cert: Buffer;
  readonly key: Buffer;
}

/**
 * Reads a certificate and its key.
 *
 * @returns undefined where there are none
 * @throws UsageError 'TLS_UNUSABLE' where one cannot be read, or they do not belong together
 */
export async function readTlsFiles(cert: string | undefined, key: string | undefined): Promise<TlsFiles | undefined> {
  if (cert === undefined || key === undefined) return undefined;
  try {
    const files = { cert: await readFile(cert), key: await readFile(key) };
    createSecureContext(files);
    return files;
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new UsageError('TLS_UNUSABLE', `${cert} and ${key} are no certificate and its key: ${reason}`, {
      hint: 'both are files in PEM, and the key has no password',
      cause,
    });
  }
}
