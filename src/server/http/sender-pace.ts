import type { Socket } from 'node:net';
import { RequestError } from './request-error.ts';

interface Pace {
  readonly minBytesPerSecond: number;
  readonly paceSeconds: number;
}

/** Watches that a body comes at some pace, for one that never ends would keep its place for ever. */
export function watchPace(
  { socket }: { readonly socket: Socket },
  { minBytesPerSecond, paceSeconds }: Pace,
  tooSlow: (error: RequestError) => void,
): { stop(): void } {
  let before = socket.bytesRead;
  const timer = setInterval(() => {
    if (socket.bytesRead - before < minBytesPerSecond * paceSeconds)
      tooSlow(
        new RequestError(408, 'SLOW_SENDER', `less than ${minBytesPerSecond} bytes a second came for ${paceSeconds} s`),
      );
    before = socket.bytesRead;
  }, 1000 * paceSeconds);
  timer.unref();
  return { stop: () => clearInterval(timer) };
}
