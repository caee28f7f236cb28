import type { AudioRecording } from './recording.ts';
import { sampleRate } from './windows.ts';

/**
 * A recording that may not be longer than it may be: a few bytes can hold days of silence, whatever their header says.
 *
 * @param tooLong what its samples throw then
 */
export function limitedRecording(
  recording: AudioRecording,
  maxSeconds: number,
  tooLong: (message: string) => Error,
): AudioRecording {
  return {
    ...recording,
    async *samples() {
      let count = 0;
      for await (const block of recording.samples()) {
        count += block.length;
        if (count > maxSeconds * sampleRate) throw tooLong(`the recording is longer than ${maxSeconds} s`);
        yield block;
      }
    },
    [Symbol.asyncDispose]: () => recording[Symbol.asyncDispose](),
  };
}
