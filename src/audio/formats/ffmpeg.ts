import { resolve } from 'node:path';
import { setImmediate } from 'node:timers/promises';
import { AudioError } from '../../errors.ts';
import { conversionHint } from '../file-kind.ts';
import { PeekSource } from '../peek-source.ts';
import { copyToFile } from '../temporary-copy.ts';
import { longestSilentSeconds } from '../windows.ts';
import { cutShortText, type DecodedAudio, type PcmBlock, type ReaderContext } from './decoded-audio.ts';
import { formatWhitelist, isNotWhitelisted } from './ffmpeg-demuxers.ts';
import { type FfmpegProcess, startFfmpeg } from './ffmpeg-process.ts';
import { chooseTrack, listed, soundTracks, type Track, type TrackChoice } from './ffmpeg-tracks.ts';
import { openWav } from './wav.ts';

export interface FfmpegInput {
  /** a file that can be read to and fro; undefined for the bytes still to come from the context's source, which are copied to one */
  readonly path: string | undefined;
  /** what the content looks like, for messages */
  readonly label: string | undefined;
  /** the program, by name or path; default 'ffmpeg' on the PATH */
  readonly program?: string;
  readonly stallMs?: number;
  /** by default the one that the container calls its default, else the first */
  readonly track?: TrackChoice;
}

const defaultStallMs = 60_000;

/**
 * Decodes through ffmpeg, which writes a WAV of floats into a pipe: all channels, at the rate they were recorded at,
 * each sample in its place, where a video's sound begins late or has holes, too.
 *
 * @throws AudioError ('AUDIO_NEEDS_FFMPEG' when there is no such program, 'AUDIO_NO_SOUND', 'AUDIO_NO_TRACK',
 *   'AUDIO_UNKNOWN_FORMAT', 'AUDIO_FFMPEG_FAILED', 'AUDIO_FFMPEG_STUCK')
 */
export async function openFfmpeg(context: ReaderContext, input: FfmpegInput): Promise<DecodedAudio> {
  const { source, signal, warn } = context;
  const { path, track } = input;
  // Many formats say at their end where what is in them lies.
  const copy = path === undefined ? await copyToFile(source) : undefined;
  const start = (index: number) => startDecoding(context, { ...input, path: path ?? copy?.path ?? '' }, index);
  let ffmpeg: FfmpegProcess | undefined;
  // Waits for nothing but the removal of the copy: the program is killed.
  const dispose = async () => {
    await ffmpeg?.[Symbol.asyncDispose]();
    await copy?.[Symbol.asyncDispose]();
  };
  try {
    const likeliest = typeof track === 'number' ? track - 1 : 0;
    ffmpeg = await start(likeliest);
    await source[Symbol.asyncDispose]();
    let output = new PeekSource(ffmpeg, signal);
    const tracks = await tracksOf(ffmpeg, output);
    const chosen = tracks.length === 0 ? likeliest : chooseTrack(tracks, track, source.name);
    if (chosen !== likeliest) {
      await ffmpeg[Symbol.asyncDispose]();
      ffmpeg = await start(chosen);
      output = new PeekSource(ffmpeg, signal);
    }
    if ((await output.peek(1)).length === 0) throw await failure(ffmpeg);
    if (tracks.length > 1 && track === undefined)
      warn(
        `${source.name} has ${tracks.length} tracks of sound, ${listed(tracks)}: ${chosen + 1} is read, --track reads another one`,
      );
    const wav = await openWav({ source: output, warn });
    const durationSeconds = saidDuration(ffmpeg.messages);
    return { ...wav, durationSeconds, blocks: checkedBlocks(wav, ffmpeg, warn), [Symbol.asyncDispose]: dispose };
  } catch (error) {
    await dispose();
    throw error;
  }
}

async function startDecoding(
  { source, signal }: ReaderContext,
  input: FfmpegInput & { readonly path: string },
  trackIndex: number,
): Promise<FfmpegProcess> {
  const { path, program = 'ffmpeg', stallMs = defaultStallMs } = input;
  const args = ffmpegArguments(path, trackIndex);
  const run = { program, args, name: source.name, stallMs, ...(signal === undefined ? {} : { signal }) };
  return startFfmpeg(run).catch((error: unknown) => {
    throw needsFfmpeg(source.name, input, error);
  });
}

/** What it has to say of its input has been said when its output begins or fails to. */
async function tracksOf(ffmpeg: FfmpegProcess, output: PeekSource): Promise<Track[]> {
  if ((await output.peek(1)).length === 0) await ffmpeg.exitCode;
  else await setImmediate(); // what lies in the other pipe is read in the same turn
  return soundTracks(ffmpeg.messages);
}

/** That file alone may be opened: contents could name others or addresses, and a name could look like one, or like an option. */
function ffmpegArguments(path: string, trackIndex: number): string[] {
  const quiet = ['-nostdin', '-hide_banner', '-nostats', '-loglevel', 'level+info'];
  const read = [...quiet, '-protocol_whitelist', 'file', '-format_whitelist', formatWhitelist];
  // Silence for what is missing, and samples never stretched.
  const place = ['-af', 'aresample=async=1:first_pts=0'];
  return [
    ...read,
    '-i',
    `file:${resolve(path)}`,
    '-map',
    `0:a:${trackIndex}`,
    ...place,
    '-c:a',
    'pcm_f32le',
    '-f',
    'wav',
    'pipe:1',
  ];
}

async function* checkedBlocks(
  wav: DecodedAudio,
  ffmpeg: FfmpegProcess,
  warn: (message: string) => void,
): AsyncGenerator<PcmBlock> {
  let heldSeconds = 0;
  for await (const block of wav.blocks) {
    heldSeconds += (block.channels[0]?.length ?? 0) / block.sampleRate;
    yield block;
  }
  const exitCode = await ffmpeg.exitCode;
  const errors = errorsIn(ffmpeg.messages);
  const [first, ...more] = errors;
  const isWhole = exitCode === 0 && (first === undefined || isPadding(errors));
  const saidSeconds = saidDuration(ffmpeg.messages);
  // A recording may be empty, but it says so then.
  if (heldSeconds === 0 && !(isWhole && saidSeconds === 0)) throw await failure(ffmpeg);
  if (isWhole) {
    if (isLonger(saidSeconds, heldSeconds) && isSoundAlone(ffmpeg.messages))
      warn(cutShortText(ffmpeg.name, saidSeconds, heldSeconds));
    return;
  }
  // From bytes that are no sound a decoder may make a frame or two.
  if (heldSeconds <= longestSilentSeconds) throw await failure(ffmpeg);
  const rest = more.length === 0 ? '' : `, and ${more.length} more messages`;
  // As of the pauses of AMR.
  const isUnknown = errors.some((line) => /not yet implemented/i.test(line));
  warn(
    `${ffmpeg.name} ${isUnknown ? 'has parts that ffmpeg cannot decode' : 'is damaged'}: ffmpeg says "${first ?? `exit code ${exitCode}`}"${rest}; what it could decode is used`,
  );
}

/** Whether a recording says that it is longer than by what rounding and a codec's delay make of a length. */
function isLonger(saidSeconds: number | undefined, heldSeconds: number): saidSeconds is number {
  return saidSeconds !== undefined && saidSeconds - heldSeconds > Math.max(0.5, saidSeconds * 0.01);
}

/**
 * Whether what ffmpeg says of a recording's length is what its header says of its sound: other streams may be longer, and
 * where no header says it, it is estimated.
 */
function isSoundAlone(messages: readonly string[]): boolean {
  const end = messages.findIndex((line) => /^\[info\] (Output #|Stream mapping)/.test(line));
  const ofInput = messages.slice(0, end < 0 ? messages.length : end);
  const streams = ofInput.filter((line) => /Stream #0:\d/.test(line) && !line.includes('(attached pic)'));
  return streams.length === 1 && !messages.some((line) => line.includes('Estimating duration'));
}

/** Why there was no output at all, or none that is sound. */
async function failure(ffmpeg: FfmpegProcess): Promise<AudioError> {
  const exitCode = await ffmpeg.exitCode;
  const errors = errorsIn(ffmpeg.messages);
  if (errors.some((line) => line.includes('matches no streams')))
    return new AudioError('AUDIO_NO_SOUND', `${ffmpeg.name} has no sound in it`);
  if (errors.some(isNotWhitelisted))
    return new AudioError('AUDIO_UNKNOWN_FORMAT', `${ffmpeg.name} is in no format of sound or video known here`, {
      hint: 'playlists and lists of files are not followed: name the recordings themselves',
    });
  const said = errors.at(-1) ?? (exitCode === 0 ? 'nothing, and finds no sample of sound' : `exit code ${exitCode}`);
  const reason = errors.length > 1 ? `${errors[0]}; ${said}` : said;
  return new AudioError('AUDIO_FFMPEG_FAILED', `${ffmpeg.name} cannot be decoded, ffmpeg says: ${reason}`);
}

/** The messages that tell of errors, without where in ffmpeg they come from. */
function errorsIn(messages: readonly string[]): string[] {
  const pattern = /^(?:\[[^\]]* @ 0x[0-9a-f]+\] )?\[(?:error|fatal|panic)\] (?:file:)?(.*)/;
  return messages.flatMap((line) => pattern.exec(line)?.[1] ?? []);
}

/** Whether they tell of nothing but bytes behind the last whole packet or sample: a WAV is filled up to an even size. */
function isPadding([first = '', ...more]: readonly string[]): boolean {
  return (
    /packet is too small|^Invalid PCM packet/i.test(first) &&
    more.every((line) => /^Error (while decoding|submitting)/.test(line))
  );
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
