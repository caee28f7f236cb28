import { readSync, writeSync } from 'node:fs';

/** The socket and the shared memory that the library passes on. */
const socket = 3;
export const staging = 4;

function readExactly(size: number): Buffer | undefined {
  const buffer = Buffer.alloc(size);
  for (let done = 0; done < size; ) {
    const got = readSync(socket, buffer, done, size - done, null);
    if (got === 0) return undefined;
    done += got;
  }
  return buffer;
}

/** The next request, or undefined when the host has gone. Waits: a device has nothing else to do. */
export function nextRequest(): string | undefined {
  const size = readExactly(4)?.readUInt32LE();
  return size === undefined ? undefined : readExactly(size)?.toString();
}

/** Answers a request: ACL's code, 0 for success, and a text. */
export function answer(code: number, text = ''): void {
  const body = Buffer.from(`${code}\n${text}`);
  const frame = Buffer.alloc(4 + body.length);
  frame.writeUInt32LE(body.length);
  body.copy(frame, 4);
  for (let done = 0; done < frame.length; ) done += writeSync(socket, frame, done);
}
