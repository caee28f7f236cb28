import type { AudioRecording } from '../audio/recording.ts';
import { sampleRate } from '../audio/windows.ts';
import { RequestError } from './http/request-error.ts';

/** A recording that may not be longer than it may be: a few bytes can hold days of silence, whatever their header says. */
export function limitedRecording(recording: AudioRecording, maxSeconds: number): AudioRecording {
  return {
    ...recording,
    async *samples() {
      let count = 0;
      for await (const block of recording.samples()) {
        count += block.length;
        if (count > maxSeconds * sampleRate)
          throw new RequestError(413, 'RECORDING_TOO_LONG', `the recording is longer than ${maxSeconds} s`, {
            param: 'file',
          });
        yield block;
      }
    },
    [Symbol.asyncDispose]: () => recording[Symbol.asyncDispose](),
  };
}
