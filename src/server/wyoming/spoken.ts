import { type FileHandle, open, rm } from 'node:fs/promises';
import type { Socket } from 'node:net';
import type { Ticket } from '../admission.ts';
import { RequestError } from '../http/request-error.ts';
import { watchPace } from '../http/sender-pace.ts';
import { diskError } from '../http/upload.ts';
import type { ServerParts } from '../server-parts.ts';
import { type Frame, notWyoming } from './frames.ts';

/** What a client speaks, in a file. Disposing of it removes the file and lets another one in. */
export interface Spoken extends AsyncDisposable {
  readonly ticket: Ticket;
  readonly path: string;
  /** How its samples are written, as fields of a form say it. */
  readonly fields: readonly (readonly [name: string, value: string])[];
  /** @throws RequestError 400 where it is written in another way, 413 where it is too long */
  add(frame: Frame): Promise<void>;
  /** Nothing more comes. */
  finish(): Promise<void>;
}

interface SampleFormat {
  readonly rate: number;
  readonly width: number;
  readonly channels: number;
}

const encodings: Readonly<Record<number, string>> = { 1: 'u8', 2: 's16le', 3: 's24le', 4: 's32le' };

/**
 * Lets a client in that begins to speak.
 *
 * @param frame says how samples are written
 * @param tooSlow told where less comes than has to
 * @throws RequestError 400, or 429 where there is no room
 */
export async function beginSpoken(
  frame: Frame,
  socket: Socket,
  { admission, uploads, uploadLimits, maxDurationSeconds }: ServerParts,
  tooSlow: (error: RequestError) => void,
): Promise<Spoken> {
  const format = formatOf(frame);
  const { rate, width, channels } = format;
  const bytesPerSecond = rate * width * channels;
  const ticket = admission.enter();
  const path = uploads.newPath();
  let file: FileHandle;
  try {
    file = await open(path, 'wx', 0o600);
  } catch (cause) {
    ticket[Symbol.dispose]();
    throw diskError(cause);
  }
  const pace = watchPace({ socket }, uploadLimits, tooSlow);
  let count = 0;
  const finish = async () => {
    pace.stop();
    await file.close();
  };
  return {
    ticket,
    path,
    fields: [
      ['input_format', encodings[width] ?? ''],
      ['rate', String(rate)],
      ['channels', String(channels)],
    ],
    async add(chunk) {
      if (JSON.stringify(formatOf(chunk)) !== JSON.stringify(format))
        throw notWyoming('samples that are not written like those before');
      count += chunk.payload.length;
      if (count > uploadLimits.maxBytes)
        throw new RequestError(413, 'TOO_LARGE', `the recording is larger than ${uploadLimits.maxBytes / 1e6} MB`);
      if (count > maxDurationSeconds * bytesPerSecond)
        throw new RequestError(413, 'RECORDING_TOO_LONG', `the recording is longer than ${maxDurationSeconds} s`);
      await file.appendFile(chunk.payload).catch((cause: unknown) => {
        throw diskError(cause);
      });
    },
    finish,
    async [Symbol.asyncDispose]() {
      await finish();
      await rm(path, { force: true });
      ticket[Symbol.dispose]();
    },
  };
}

function formatOf({ data }: Frame): SampleFormat {
  const { rate, width, channels } = data;
  if (![rate, width, channels].every((value) => Number.isInteger(value) && Number(value) > 0))
    throw notWyoming('audio without its rate, width and channels');
  if (!Object.hasOwn(encodings, String(width))) throw notWyoming('samples of more than 4 bytes');
  return { rate: Number(rate), width: Number(width), channels: Number(channels) };
}
