import { type AudioStream, type OpenAudioOptions, openAudio } from './open-audio.ts';
import { openSpool } from './spool.ts';

/** A recording that can be read from its start as often as needed. Disposing it frees what that takes. */
export interface AudioRecording
  extends AsyncDisposable,
    Pick<AudioStream, 'name' | 'offsetSeconds' | 'durationSeconds'> {
  /** Mono at 16 kHz in [-1, 1], in blocks of any length. One reading at a time; the first one comes to its end. */
  samples(): AsyncIterable<Float32Array>;
}

/**
 * Opens a recording for reading it several times: a file is opened again each time, what comes through a pipe is kept in a
 * temporary file.
 *
 * @param path a file, or '-' for `options.stdin`
 * @throws AudioError as openAudio does; reading throws as its samples do
 */
export async function openRecording(path: string, options: OpenAudioOptions = {}): Promise<AudioRecording> {
  const first = await openAudio(path, options);
  const { name, offsetSeconds, durationSeconds } = first;
  const spool = path === '-' ? await openSpool() : undefined;
  // What is wrong with the recording is told once.
  const { onWarning: _, ...again } = options;
  let readings = 0;
  return {
    name,
    offsetSeconds,
    durationSeconds,
    async *samples() {
      readings++;
      if (readings === 1) yield* spool === undefined ? first.samples : spool.record(first.samples);
      else if (spool !== undefined) yield* spool.replay();
      else {
        await using stream = await openAudio(path, again);
        yield* stream.samples;
      }
    },
    async [Symbol.asyncDispose]() {
      await first[Symbol.asyncDispose]();
      await spool?.[Symbol.asyncDispose]();
    },
  };
}
