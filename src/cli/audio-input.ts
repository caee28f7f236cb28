import type { AudioRecording } from '../audio/recording.ts';
import { type OpenRecordingOptions, openRecording } from '../open-recording.ts';
import { audioOptions } from '../options/audio.ts';
import { passedOn } from '../options/names.ts';
import type { ValuesOf } from '../options/option.ts';
import type { Session } from './session.ts';

/** Opens one input as the command line asks for. */
export function openInput(
  path: string,
  options: Partial<ValuesOf<typeof audioOptions, 'transcribe'>>,
  session: Session,
  onWarning: (message: string) => void,
): Promise<AudioRecording> {
  const given: OpenRecordingOptions = passedOn(options, [audioOptions], 'transcribe', 'openRecording()');
  const ffmpeg = session.env['WHISPER_NPU_FFMPEG'];
  return openRecording(path, {
    ...given,
    ...(ffmpeg === undefined ? {} : { ffmpeg }),
    stdin: session.stdin,
    signal: session.signal,
    onWarning,
  });
}
