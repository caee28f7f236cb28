import { createReadStream } from 'node:fs';
import { type FileHandle, open, rename, rm } from 'node:fs/promises';
import { basename } from 'node:path';
import { createInterface } from 'node:readline';
import * as v from 'valibot';
import { OutputError, UsageError } from '../errors.ts';
import { stagingPath } from '../model/staging.ts';
import { parseStoredJson } from '../model/stored-json.ts';
import type { Clip, Reference } from './reference.ts';
import type { ReferenceWindow } from './window.ts';

// One JSON object per line: the header, then a window each. Numbers of tensors are f32, little endian, in base64: a
// reference that was rounded would never give 0 against itself.
const format = 'whisper-npu accuracy reference, version 1';

const natural = v.pipe(v.number(), v.safeInteger(), v.minValue(0));
const tokenList = v.pipe(v.array(natural), v.minLength(1), v.readonly());

const storedHeader = v.object({
  format: v.literal(format),
  model: v.string(),
  device: v.string(),
  nVocab: v.pipe(natural, v.minValue(1)),
});

type Header = v.InferOutput<typeof storedHeader>;

/** Which window a line is about. */
const windowKey = v.object({ file: v.string(), sha256: v.string(), window: natural });

const storedWindow = v.object({
  ...windowKey.entries,
  language: v.string(),
  text: v.string(),
  prompt: tokenList,
  tokens: tokenList,
  logits: v.array(v.string()),
  encoderOutput: v.string(),
});

type StoredWindow = v.InferOutput<typeof storedWindow>;

/** A reference file under construction. It appears under its name when it is finished. */
export interface ReferenceWriter extends AsyncDisposable {
  add(clip: Clip, window: ReferenceWindow): Promise<void>;
  finish(): Promise<void>;
}

/** @throws OutputError 'REFERENCE_NOT_WRITTEN', as do the writer's methods */
export async function createReferenceFile(path: string, reference: Reference): Promise<ReferenceWriter> {
  const unfinished = stagingPath(path);
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
      const window = lineOf(line, windowKey, path);
      places.set(keyOf(window), { file: window.file, offset, sizeBytes });
    }
    offset += sizeBytes + 1;
  }
  if (header === undefined) throw unreadable(path, 'it is empty');
  const { nVocab } = header;
  return {
    ...header,
    device: `${header.device}, kept in ${basename(path)}`,
    async window(clip) {
      const stored = lineOf(await readLine(path, placeOf(clip, places, path)), storedWindow, path);
      const window = fromStored(stored, nVocab);
      if (window === undefined) throw unreadable(path, `what it says of ${clip.file} is damaged`);
      return window;
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

function headerOf(line: string, path: string): Omit<Header, 'format'> {
  const header = parseStoredJson(line, storedHeader);
  if ('value' in header) return header.value;
  const isOurs = 'value' in parseStoredJson(line, v.object({ format: v.literal(format) }));
  throw unreadable(path, isOurs ? 'its first line is damaged' : 'it is no file that --save-reference wrote');
}

function lineOf<Schema extends v.GenericSchema>(line: string, schema: Schema, path: string): v.InferOutput<Schema> {
  const parsed = parseStoredJson(line, schema);
  if ('problem' in parsed) throw unreadable(path, `a line of it ${parsed.problem}`);
  return parsed.value;
}

/**
 * A window as it was given to the writer; undefined where its tensors have not the size of the model's: a file that was cut
 * or edited must not pass for a reference.
 */
function fromStored(stored: StoredWindow, nVocab: number): ReferenceWindow | undefined {
  const { language, prompt, tokens, text } = stored;
  const logits = stored.logits.map(fromBase64);
  const encoderOutput = fromBase64(stored.encoderOutput);
  const isWhole =
    [...prompt, ...tokens].every((token) => token < nVocab) &&
    logits.length === tokens.length &&
    logits.every((row) => row.length === nVocab) &&
    encoderOutput.length > 0;
  return isWhole ? { language, prompt, tokens, text, logits, encoderOutput } : undefined;
}

function toBase64({ buffer, byteOffset, byteLength }: Float32Array): string {
  return Buffer.from(buffer, byteOffset, byteLength).toString('base64');
}

/** @returns f32; empty where the bytes are no whole numbers, or the text is not wholly base64 */
function fromBase64(text: string): Float32Array {
  const bytes = Buffer.from(text, 'base64');
  const isWhole =
    bytes.length % Float32Array.BYTES_PER_ELEMENT === 0 && bytes.length === Buffer.byteLength(text, 'base64');
  return isWhole
    ? new Float32Array(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.length))
    : new Float32Array();
}

function unreadable(path: string, reason: string, cause?: unknown): UsageError {
  return new UsageError('REFERENCE_UNREADABLE', `${path} cannot be used as a reference: ${reason}`, {
    hint: 'Write one with `whisper-npu accuracy --save-reference FILE.json`.',
    ...(cause === undefined ? {} : { cause }),
  });
}
