import { pcmFormat, rawEncodings } from './audio/formats/pcm.ts';
import type { OpenAudioOptions } from './audio/open-audio.ts';
import { type AudioRecording, openRecording as openAudioRecording } from './audio/recording.ts';
import { audioCallOptions, audioOptions } from './options/audio.ts';
import { checkedOptions } from './options/library-options.ts';
import type { ValuesOf } from './options/option.ts';

/** How a recording is opened. */
export interface OpenRecordingOptions extends Omit<OpenAudioOptions, 'rawFormat'> {
  /** That it is no file of a known format but samples alone, written like this: u8, s16le, s24le, s32le, f32le, f64le, mulaw or alaw. */
  readonly inputFormat?: string;
  /** Of raw samples: their sample rate in Hz, default 16,000. */
  readonly rate?: number;
  /** Of raw samples: how many channels take turns, default 1. */
  readonly channels?: number;
}

/** The same, checked. */
type Checked = OpenRecordingOptions & ValuesOf<typeof audioOptions, 'openRecording()'>;

/**
 * Opens a recording for reading it several times: a file is opened again each time, what comes through a pipe is kept in a
 * temporary file.
 *
 * @param path a file, or '-' for `options.stdin`
 * @throws UsageError for options that it does not take; AudioError when it cannot be opened, and on reading it
 */
export async function openRecording(path: string, options: OpenRecordingOptions = {}): Promise<AudioRecording> {
  const tables = [audioOptions, audioCallOptions] as const;
  const checked = checkedOptions({ call: 'openRecording()', tables }, options, (message) =>
    options.onWarning?.(message),
  );
  const { inputFormat, rate, channels, ...given } = checked as Checked;
  const encoding = inputFormat === undefined ? undefined : rawEncodings[inputFormat];
  return openAudioRecording(path, {
    ...given,
    ...(encoding === undefined ? {} : { rawFormat: pcmFormat(encoding, rate, channels) }),
  });
}
