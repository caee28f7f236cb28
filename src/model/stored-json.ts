import { readFile, stat } from 'node:fs/promises';
import { type GenericSchema, getDotPath, type InferOutput, safeParse } from 'valibot';

/** What a JSON file holds, or in a few words why that cannot be used. */
export type StoredJson<T> = { readonly value: T } | { readonly problem: string; readonly isMissing: boolean };

/** Nothing that this program stores as one JSON text is nearly as long. */
const mostBytes = 64 << 20;

/**
 * Reads a JSON file that this program wrote at some time. Whatever happened to it since, the answer has the form that the
 * schema says, or is a reason: what to do about it is the caller's business.
 */
export async function readStoredJson<Schema extends GenericSchema>(
  path: string,
  schema: Schema,
): Promise<StoredJson<InferOutput<Schema>>> {
  try {
    const status = await stat(path);
    if (!status.isFile()) return { problem: 'is no file', isMissing: false };
    if (status.size > mostBytes) return { problem: `is ${status.size} bytes long`, isMissing: false };
    return parseStoredJson(await readFile(path, 'utf8'), schema);
  } catch (error) {
    const { code, syscall } = error as NodeJS.ErrnoException;
    if (syscall === undefined) throw error;
    const isMissing = code === 'ENOENT' || code === 'ENOTDIR';
    return { problem: isMissing ? 'is missing' : `cannot be read (${code})`, isMissing };
  }
}

/** The same for a text that was read already. */
export function parseStoredJson<Schema extends GenericSchema>(
  text: string,
  schema: Schema,
): StoredJson<InferOutput<Schema>> {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return { problem: 'holds no JSON', isMissing: false };
  }
  // A schema takes a list for an object with numbered fields.
  if (Array.isArray(value)) return { problem: 'holds no JSON object', isMissing: false };
  const result = safeParse(schema, value, { abortEarly: true });
  if (result.success) return { value: result.output };
  const place = getDotPath(result.issues[0]);
  const problem = place === null ? 'does not hold what it should' : `does not hold what it should at ${plain(place)}`;
  return { problem, isMissing: false };
}

/** A place inside the file, whose names may be anything. */
function plain(place: string): string {
  return place.replace(/[^\w.-]/g, '?').slice(0, 80);
}
