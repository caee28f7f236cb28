import { createReadStream } from 'node:fs';
import { type FileHandle, open, rename, rm } from 'node:fs/promises';
import { basename } from 'node:path';
import { createInterface } from 'node:readline';
import { OutputError, UsageError } from '../errors.ts';
import { parseObject } from '../model/checkpoint-files.ts';
import type { Clip, Reference } from './reference.ts';
import type { ReferenceWindow } from './window.ts';

// One JSON object per line: the header, then a window each. Numbers of tensors are f32, little endian, in base64: a
// reference that was rounded would never give 0 against itself.
const format = 'whisper-npu accuracy reference, version 1';

interface Header {
  readonly format: string;
  readonly model: string;
  readonly device: string;
  readonly nVocab: number;
}

interface StoredWindow extends Omit<ReferenceWindow, 'logits' | 'encoderOutput'> {
  readonly file: string;
  readonly sha256: string;
  readonly window: number;
  readonly logits: readonly string[];
  readonly encoderOutput: string;
}

/** A reference file under construction. It appears under its name when it is finished. */
export interface ReferenceWriter extends AsyncDisposable {
  add(clip: Clip, window: ReferenceWindow): Promise<void>;
  finish(): Promise<void>;
}

/** @throws OutputError 'REFERENCE_NOT_WRITTEN', as do the writer's methods */
export async function createReferenceFile(path: string, reference: Reference): Promise<ReferenceWriter> {
  const unfinished = `${path}.unfinished`;
  const refuse = (cause: unknown): never => {
    throw new OutputError('REFERENCE_NOT_WRITTEN', `cannot write ${path}: ${String(cause)}`, {
      hint: 'Name a file in a folder that exists, with room for some 10 MB per half minute of audio.',
      cause,
    });
  };
  await refuseOther(path);
  const file = await open(unfinished, 'w').catch(refuse);
  const { model, device, nVocab } = reference;
  await writeLine(file, { format, model, device, nVocab } satisfies Header).catch(refuse);
  return {
    async add({ file: name, sha256, window: index }, { logits, encoderOutput, ...rest }) {
      const stored: StoredWindow = {
        file: name,
        sha256,
        window: index,
        ...rest,
        logits: logits.map(toBase64),
        encoderOutput: toBase64(encoderOutput),
      };
      await writeLine(file, stored).catch(refuse);
    },
    async finish() {
      await file.close();
      await rename(unfinished, path).catch(refuse);
    },
    async [Symbol.asyncDispose]() {
      await file.close();
      await rm(unfinished, { force: true });
    },
  };
}

/** A reference may be made anew; a recording that was named by mistake must not become one. */
async function refuseOther(path: string): Promise<void> {
  const beginning = `{"format":"${format.slice(0, format.indexOf(','))}`;
  const found = await readBeginning(path, beginning.length);
  if (found === undefined || found === beginning) return;
  throw new UsageError('REFERENCE_OVER_OTHER', `${path} is there already and is no reference`, {
    hint: 'Name a file that does not exist yet.',
  });
}

/** @returns undefined where there is no such file */
async function readBeginning(path: string, length: number): Promise<string | undefined> {
  try {
    await using file = await open(path);
    const { buffer, bytesRead } = await file.read({ buffer: Buffer.alloc(length), position: 0 });
    return buffer.toString('utf8', 0, bytesRead);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT') return undefined;
    if (code === 'EISDIR') return '';
    throw error;
  }
}

async function writeLine(file: FileHandle, value: unknown): Promise<void> {
  await file.writeFile(`${JSON.stringify(value)}\n`);
}

/** Where a window's line lies in the file. */
interface Place {
  readonly file: string;
  readonly offset: number;
  readonly sizeBytes: number;
}

/**
 * Opens what {@link createReferenceFile} wrote. Windows are read when they are asked for.
 *
 * @throws UsageError 'REFERENCE_UNREADABLE'
 */
export async function openStoredReference(path: string): Promise<Reference> {
  const places = new Map<string, Place>();
  let header: Omit<Header, 'format'> | undefined;
  let offset = 0;
  for await (const line of readLines(path)) {
    const sizeBytes = Buffer.byteLength(line);
    if (header === undefined) header = headerOf(line, path);
    else {
      const window = windowOf(line, path);
      places.set(keyOf(window), { file: window.file, offset, sizeBytes });
    }
    offset += sizeBytes + 1;
  }
  if (header === undefined) throw unreadable(path, 'it is empty');
  return {
    ...header,
    device: `${header.device}, kept in ${basename(path)}`,
    async window(clip) {
      const stored = windowOf(await readLine(path, placeOf(clip, places, path)), path);
      if (!isWhole(stored, header.nVocab)) throw unreadable(path, `what it says of ${clip.file} is damaged`);
      return fromStored(stored);
    },
    async [Symbol.asyncDispose]() {},
  };
}

function keyOf({ sha256, window }: Pick<Clip, 'sha256' | 'window'>): string {
  return `${sha256} ${window}`;
}

function placeOf(clip: Clip, places: ReadonlyMap<string, Place>, path: string): Place {
  const place = places.get(keyOf(clip));
  if (place !== undefined) return place;
  const known = [...new Set(Array.from(places.values(), ({ file }) => file))];
  throw new UsageError('REFERENCE_LACKS_FILE', `${path} has no reference for ${clip.file}, window ${clip.window}`, {
    hint: `It was made of these very files: ${known.join(', ') || 'none'}.`,
  });
}

async function readLine(path: string, { offset, sizeBytes }: Place): Promise<string> {
  await using file = await open(path);
  const { buffer, bytesRead } = await file.read({ buffer: Buffer.alloc(sizeBytes), position: offset });
  return buffer.toString('utf8', 0, bytesRead);
}

async function* readLines(path: string): AsyncGenerator<string, undefined> {
  const input = createReadStream(path, 'utf8');
  try {
    yield* createInterface({ input });
  } catch (cause) {
    throw unreadable(path, cause instanceof Error ? cause.message : String(cause), cause);
  } finally {
    input.destroy();
  }
  return undefined;
}

function headerOf(line: string | undefined, path: string): Omit<Header, 'format'> {
  const header = parseObject(line ?? '') as Header | undefined;
  if (header?.format !== format) throw unreadable(path, 'it is no file that --save-reference wrote');
  const { model, device, nVocab } = header;
  if (typeof model !== 'string' || typeof device !== 'string' || !Number.isInteger(nVocab) || nVocab < 1)
    throw unreadable(path, 'its first line is damaged');
  return { model, device, nVocab };
}

function windowOf(line: string, path: string): StoredWindow {
  const stored = parseObject(line) as StoredWindow | undefined;
  if (!Array.isArray(stored?.logits) || typeof stored.encoderOutput !== 'string' || typeof stored.sha256 !== 'string')
    throw unreadable(path, 'a line of it is damaged');
  return stored;
}

/** Whether a line has everything in its form; a file that was cut or edited must not pass for a reference. */
function isWhole(stored: StoredWindow, nVocab: number): boolean {
  const { language, text, prompt, tokens, logits, encoderOutput } = stored;
  const isToken = (token: unknown) => Number.isInteger(token) && Number(token) >= 0 && Number(token) < nVocab;
  const areTokens = (list: unknown) => Array.isArray(list) && list.length > 0 && list.every(isToken);
  const byteLength = (row: unknown) => (typeof row === 'string' ? Buffer.byteLength(row, 'base64') : 0);
  const encoderBytes = byteLength(encoderOutput);
  return (
    typeof language === 'string' &&
    typeof text === 'string' &&
    areTokens(prompt) &&
    areTokens(tokens) &&
    logits.length === tokens.length &&
    logits.every((row) => byteLength(row) === nVocab * Float32Array.BYTES_PER_ELEMENT) &&
    encoderBytes > 0 &&
    encoderBytes % Float32Array.BYTES_PER_ELEMENT === 0
  );
}

function fromStored({ language, prompt, tokens, text, logits, encoderOutput }: StoredWindow): ReferenceWindow {
  return { language, prompt, tokens, text, logits: logits.map(fromBase64), encoderOutput: fromBase64(encoderOutput) };
}

function toBase64({ buffer, byteOffset, byteLength }: Float32Array): string {
  return Buffer.from(buffer, byteOffset, byteLength).toString('base64');
}

function fromBase64(text: string): Float32Array {
  const bytes = Buffer.from(text, 'base64');
  return new Float32Array(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength));
}

function unreadable(path: string, reason: string, cause?: unknown): UsageError {
  return new UsageError('REFERENCE_UNREADABLE', `${path} cannot be used as a reference: ${reason}`, {
    hint: 'Write one with `whisper-npu accuracy --save-reference FILE.json`.',
    ...(cause === undefined ? {} : { cause }),
  });
}
