import { readFile } from 'node:fs/promises';
import { ModelError } from '../errors.ts';
import { parseObject } from './checkpoint-files.ts';

/** A parsed JSON object whose fields have yet to be checked. */
export type JsonObject = Readonly<Record<string, unknown>>;

/** @throws ModelError `MODEL_UNREADABLE` */
export async function readText(path: string): Promise<string> {
  return readFile(path, 'utf8').catch((cause) => {
    throw unreadable(path, cause);
  });
}

/** @throws ModelError `MODEL_UNREADABLE`, or `MODEL_DAMAGED` if the file holds no JSON object */
export async function readJsonObject(path: string): Promise<JsonObject> {
  return jsonObject(await readText(path), path);
}

/** @throws ModelError `MODEL_DAMAGED` if the text, which came from `path`, is no JSON object */
export function jsonObject(text: string, path: string): JsonObject {
  const object = parseObject(text);
  if (object === undefined) throw damaged(path, 'holds no JSON object');
  return object;
}

/** A file whose contents contradict themselves or its size. */
export function damaged(path: string, what: string): ModelError {
  return new ModelError('MODEL_DAMAGED', `${path}: ${what}`, { hint: 'fetch the model again' });
}

/** A file that the operating system does not let us read. */
export function unreadable(path: string, cause: unknown): ModelError {
  const reason = cause instanceof Error ? cause.message : String(cause);
  return new ModelError('MODEL_UNREADABLE', `cannot read ${path}: ${reason}`, { cause });
}
