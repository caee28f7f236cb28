import { resolve } from 'node:path';
import { AudioError } from '../../errors.ts';
import { conversionHint } from '../file-kind.ts';
import { PeekSource } from '../peek-source.ts';
import type { DecodedAudio, PcmBlock, ReaderContext } from './decoded-audio.ts';
import { formatWhitelist, isNotWhitelisted } from './ffmpeg-demuxers.ts';
import { type FfmpegProcess, startFfmpeg } from './ffmpeg-process.ts';
import { openWav } from './wav.ts';

export interface FfmpegInput {
  /** a file that can be read to and fro; undefined for the bytes still to come from the context's source */
  readonly path: string | undefined;
  /** what the content looks like, for messages */
  readonly label: string | undefined;
  /** the program, by name or path; default 'ffmpeg' on the PATH */
  readonly program?: string;
  readonly stallMs?: number;
}

const defaultStallMs = 60_000;

/**
 * Decodes through ffmpeg, which writes a WAV of floats into a pipe: all channels, at the rate they were recorded at,
 * each sample in its place, where a video's sound begins late or has holes, too.
 *
 * @throws AudioError ('AUDIO_NEEDS_FFMPEG' when there is no such program, 'AUDIO_NO_SOUND', 'AUDIO_UNKNOWN_FORMAT',
 *   'AUDIO_FFMPEG_FAILED', 'AUDIO_FFMPEG_STUCK')
 */
export async function openFfmpeg(context: ReaderContext, input: FfmpegInput): Promise<DecodedAudio> {
  const { source, signal, warn } = context;
  const { path, program = 'ffmpeg', stallMs = defaultStallMs } = input;
  const ffmpeg = await startFfmpeg({
    program,
    args: ffmpegArguments(path),
    name: source.name,
    stallMs,
    ...(path === undefined ? { input: source } : {}),
    ...(signal === undefined ? {} : { signal }),
  }).catch((error: unknown) => {
    throw needsFfmpeg(source.name, input, error);
  });
  try {
    if (path !== undefined) await source[Symbol.asyncDispose]();
    const output = new PeekSource(ffmpeg, signal);
    if ((await output.peek(1)).length === 0) throw await failure(ffmpeg);
    const wav = await openWav({ source: output, warn });
    // Disposing waits for nothing: the program is killed.
    const dispose = () => ffmpeg[Symbol.asyncDispose]();
    const durationSeconds = saidDuration(ffmpeg.messages);
    return { ...wav, durationSeconds, blocks: checkedBlocks(wav, ffmpeg, warn), [Symbol.asyncDispose]: dispose };
  } catch (error) {
    await ffmpeg[Symbol.asyncDispose]();
    throw error;
  }
}

/**
 * The file or the pipe alone may be opened: contents could name other files or addresses, and a name could look like an
 * address or an option.
 */
function ffmpegArguments(path: string | undefined): string[] {
  const [protocol, input] = path === undefined ? ['pipe', 'pipe:0'] : ['file', `file:${resolve(path)}`];
  const quiet = ['-nostdin', '-hide_banner', '-nostats', '-loglevel', 'level+info'];
  const read = [...quiet, '-protocol_whitelist', protocol, '-format_whitelist', formatWhitelist];
  // Silence for what is missing, and samples never stretched.
  const place = ['-af', 'aresample=async=1:first_pts=0'];
  return [...read, '-i', input, '-map', '0:a:0', ...place, '-c:a', 'pcm_f32le', '-f', 'wav', 'pipe:1'];
}

async function* checkedBlocks(
  wav: DecodedAudio,
  ffmpeg: FfmpegProcess,
  warn: (message: string) => void,
): AsyncGenerator<PcmBlock> {
  yield* wav.blocks;
  const exitCode = await ffmpeg.exitCode;
  const [first, ...more] = errorsIn(ffmpeg.messages);
  if (exitCode === 0 && first === undefined) return;
  const rest = more.length === 0 ? '' : `, and ${more.length} more messages`;
  warn(
    `${ffmpeg.name} is damaged: ffmpeg says "${first ?? `exit code ${exitCode}`}"${rest}; what it could decode is used`,
  );
}

/** Why there was no output at all. */
async function failure(ffmpeg: FfmpegProcess): Promise<AudioError> {
  const exitCode = await ffmpeg.exitCode;
  const errors = errorsIn(ffmpeg.messages);
  if (errors.some((line) => line.includes('matches no streams')))
    return new AudioError('AUDIO_NO_SOUND', `${ffmpeg.name} has no sound in it`);
  if (errors.some(isNotWhitelisted))
    return new AudioError('AUDIO_UNKNOWN_FORMAT', `${ffmpeg.name} is in no format of sound or video known here`, {
      hint: 'playlists and lists of files are not followed: name the recordings themselves',
    });
  const said = errors.at(-1) ?? `exit code ${exitCode}`;
  const reason = errors.length > 1 ? `${errors[0]}; ${said}` : said;
  const isPipe = ffmpeg.name === 'stdin';
  return new AudioError('AUDIO_FFMPEG_FAILED', `${ffmpeg.name} cannot be decoded, ffmpeg says: ${reason}`, {
    ...(isPipe ? { hint: 'save it to a file: some formats cannot be read from a pipe' } : {}),
  });
}

/** The messages that tell of errors, without where in ffmpeg they come from. */
function errorsIn(messages: readonly string[]): string[] {
  const pattern = /^(?:\[[^\]]* @ 0x[0-9a-f]+\] )?\[(?:error|fatal|panic)\] (?:file:)?(.*)/;
  return messages.flatMap((line) => pattern.exec(line)?.[1] ?? []);
}

function saidDuration(messages: readonly string[]): number | undefined {
  for (const line of messages) {
    const found = /Duration: (\d+):(\d\d):(\d\d\.\d+)/.exec(line);
    if (found !== null) return Number(found[1]) * 3600 + Number(found[2]) * 60 + Number(found[3]);
  }
  return undefined;
}

function needsFfmpeg(name: string, { label, program }: FfmpegInput, cause: unknown): AudioError {
  const is = label === undefined ? 'is in no format known here' : `is ${label}`;
  const reason = cause instanceof Error ? cause.message : String(cause);
  const missing = program === undefined ? 'there is no ffmpeg on the PATH' : `${program} cannot be run (${reason})`;
  return new AudioError('AUDIO_NEEDS_FFMPEG', `${name} ${is}, which takes ffmpeg to decode, and ${missing}`, {
    hint: `install ffmpeg (apt install ffmpeg, brew install ffmpeg) or name one in WHISPER_NPU_FFMPEG; elsewhere, ${conversionHint(name)}`,
    cause,
  });
}
