import { RequestError } from '../http/request-error.ts';

/** A message of the Wyoming protocol. */
export interface Frame {
  readonly type: string;
  readonly data: Readonly<Record<string, unknown>>;
  /** Samples, where it has any. */
  readonly payload: Uint8Array;
}

/** A line that says what follows, fields of a message, and samples, of which clients send a tenth of a second at a time. */
const limits = { lineBytes: 65_536, dataBytes: 65_536, payloadBytes: 4_194_304 };
const lineBreak = 0x0a;

/**
 * Reads messages: a line of JSON, then as many bytes of JSON and of samples as it says.
 *
 * @throws RequestError 400 for what is no such message, 413 for one that is too large
 */
export async function* readFrames(blocks: AsyncIterable<Uint8Array>): AsyncGenerator<Frame> {
  const bytes = byteReader(blocks[Symbol.asyncIterator]());
  for (;;) {
    const line = await bytes.line();
    if (line === undefined) return;
    const head = parsedObject(line);
    const { type, data_length: dataLength = 0, payload_length: payloadLength = 0 } = head;
    if (typeof type !== 'string' || type === '') throw notWyoming('a message without a type');
    const inline = head['data'] ?? {};
    if (!isObject(inline)) throw notWyoming('a message whose data are no object');
    const dataBytes = await bytes.exactly(checkedLength(dataLength, limits.dataBytes));
    const more = dataBytes.length === 0 ? {} : parsedObject(dataBytes.toString());
    const payload = await bytes.exactly(checkedLength(payloadLength, limits.payloadBytes));
    yield { type, data: { ...inline, ...more }, payload };
  }
}

/** @returns a message as it goes over the wire */
export function frameBytes(type: string, data: Readonly<Record<string, unknown>>): Buffer {
  const body = Buffer.from(JSON.stringify(data));
  const head = JSON.stringify({ type, version: '1.0.0', data_length: body.length, payload_length: null });
  return Buffer.concat([Buffer.from(`${head}\n`), body]);
}

function byteReader(blocks: AsyncIterator<Uint8Array>) {
  let rest: Buffer = Buffer.alloc(0);
  const pull = async (): Promise<boolean> => {
    const { done, value } = await blocks.next();
    if (done) return false;
    rest = rest.length === 0 ? Buffer.from(value) : Buffer.concat([rest, value]);
    return true;
  };
  const take = (count: number): Buffer => {
    const taken = rest.subarray(0, count);
    rest = rest.subarray(count);
    return taken;
  };
  return {
    /** @returns undefined where nothing more comes */
    async line(): Promise<string | undefined> {
      for (;;) {
        const end = rest.indexOf(lineBreak);
        if (end >= 0 && end <= limits.lineBytes) return take(end + 1).toString();
        if (rest.length > limits.lineBytes) throw tooLarge();
        if (await pull()) continue;
        if (rest.length === 0) return undefined;
        throw notWyoming('half of a line');
      }
    },
    async exactly(count: number): Promise<Buffer> {
      while (rest.length < count) if (!(await pull())) throw notWyoming('half of a message');
      return take(count);
    },
  };
}

function checkedLength(value: unknown, most: number): number {
  if (value === null) return 0;
  if (typeof value !== 'number' || !Number.isInteger(value) || value < 0) throw notWyoming('a length that is none');
  if (value > most) throw tooLarge();
  return value;
}

function parsedObject(text: string): Readonly<Record<string, unknown>> {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw notWyoming('no JSON', cause);
  }
  if (!isObject(value)) throw notWyoming('JSON that is no object');
  return value;
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

export function notWyoming(what: string, cause?: unknown): RequestError {
  return new RequestError(400, 'NOT_WYOMING', `this is no message of the Wyoming protocol: ${what}`, { cause });
}

function tooLarge(): RequestError {
  return new RequestError(413, 'TOO_LARGE', 'the message is too large');
}
