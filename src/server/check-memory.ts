import { ModelError } from '../errors.ts';

/** For the windows and texts that a model works on, with room: a server with whisper-tiny.en had 219 MB in all after a thousand requests. */
const besideWeightsBytes = 400e6;

/**
 * Says that a model does not fit before it is loaded: a server that runs out of memory ends with all that it is at work on.
 *
 * @param weightsBytes of the model
 * @param availableBytes by default what this process may still have, under the limits that it runs in
 * @throws ModelError 'MEMORY_SHORT'
 */
export function checkMemory(weightsBytes: number, availableBytes: number = process.availableMemory()): void {
  const neededBytes = weightsBytes + besideWeightsBytes;
  if (neededBytes <= availableBytes) return;
  const shown = (bytes: number) => `${(bytes / 1e9).toFixed(1)} GB`;
  throw new ModelError(
    'MEMORY_SHORT',
    `the model takes about ${shown(neededBytes)} of memory, and ${shown(availableBytes)} are free`,
    { hint: 'free another model, or run a smaller one or --dtype int8' },
  );
}
