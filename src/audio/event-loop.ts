import { setImmediate } from 'node:timers/promises';

/** How long work may go on without a turn of the event loop: a quarter of what may be noticed, for one step of work comes on top. */
const intervalMs = 25;

let lastTurnMs = performance.now();
let turns: Promise<unknown> = Promise.resolve();

/**
 * Lets the event loop run where it has not for a while, so that signals, timers and other recordings are heard during long
 * work: promises that are already fulfilled go on without it. Cheap enough to be asked for at every step of a loop.
 *
 * @param signal its reason is thrown once it is aborted
 */
export async function allowEventLoop(signal?: AbortSignal): Promise<void> {
  signal?.throwIfAborted();
  if (performance.now() - lastTurnMs < intervalMs) return;
  // One turn for each who asks: several recordings at once would otherwise all go on within the same one.
  turns = turns.then(() => setImmediate());
  await turns;
  lastTurnMs = performance.now();
  signal?.throwIfAborted();
}
