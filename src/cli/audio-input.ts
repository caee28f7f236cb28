import type { Command } from 'commander';
import { pcmFormat, rawEncodings } from '../audio/formats/pcm.ts';
import type { ChannelChoice } from '../audio/mono.ts';
import { type AudioRecording, openRecording } from '../audio/recording.ts';
import { UsageError } from '../errors.ts';
import { option } from './options.ts';
import type { Session } from './session.ts';

/** The options that say what of an input is listened to, and how raw samples are written. */
export interface AudioInputOptions {
  readonly channel: ChannelChoice;
  readonly start?: number;
  readonly end?: number;
  readonly inputFormat?: string;
  readonly rate?: number;
  readonly channels?: number;
}

export function addAudioInputOptions(command: Command): Command {
  return command
    .addOption(option.channel())
    .addOption(option.start())
    .addOption(option.end())
    .addOption(option.inputFormat())
    .addOption(option.rate())
    .addOption(option.channels());
}

/** @throws UsageError where options do not go together; better before any work than at the first file */
export function checkAudioInputOptions({ start = 0, end, inputFormat, rate, channels }: AudioInputOptions): void {
  if (end !== undefined && end <= start) throw new UsageError('EMPTY_RANGE', '--end must lie behind --start');
  if (inputFormat === undefined && (rate ?? channels) !== undefined)
    throw new UsageError('NO_INPUT_FORMAT', '--rate and --channels describe raw samples', {
      hint: 'say how they are written, as in --input-format s16le; all other files say themselves what they are',
    });
}

/** Opens one input as the command line asks for. */
export function openInput(
  path: string,
  options: AudioInputOptions,
  session: Session,
  onWarning: (message: string) => void,
): Promise<AudioRecording> {
  const { channel, start, end, inputFormat, rate = 16_000, channels = 1 } = options;
  const encoding = inputFormat === undefined ? undefined : rawEncodings[inputFormat];
  const ffmpeg = session.env['WHISPER_NPU_FFMPEG'];
  return openRecording(path, {
    channel,
    stdin: session.stdin,
    signal: session.signal,
    onWarning,
    ...(start === undefined ? {} : { startSeconds: start }),
    ...(end === undefined ? {} : { endSeconds: end }),
    ...(encoding === undefined ? {} : { rawFormat: pcmFormat(encoding, rate, channels) }),
    ...(ffmpeg === undefined ? {} : { ffmpeg }),
  });
}
