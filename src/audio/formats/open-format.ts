import { AudioError } from '../../errors.ts';
import { fileKind, headBytes, searchBytes } from '../file-kind.ts';
import type { PeekSource } from '../peek-source.ts';
import { peekAiffHeader } from './aiff-header.ts';
import { peekCafHeader } from './caf-header.ts';
import type { DecodedAudio, ReaderContext } from './decoded-audio.ts';
import { openFfmpeg } from './ffmpeg.ts';
import { checkOnlyTrack, type TrackChoice } from './ffmpeg-tracks.ts';
import { openFlac } from './flac.ts';
import { skipTags } from './id3.ts';
import { findFirstFrame } from './mp3-header.ts';
import { openSampleData, type SampleData } from './sample-data.ts';
import { openWav } from './wav.ts';
import { peekOtherCodec } from './wav-header.ts';

interface FormatOptions {
  /** the program for formats that are not decoded here */
  readonly ffmpeg: string | undefined;
  readonly track: TrackChoice | undefined;
}

/**
 * Finds out what a recording is and reads its header.
 *
 * @param path where the source's bytes come from, for programs that open it by themselves; a pipe's is not used
 * @throws AudioError ('AUDIO_EMPTY', 'AUDIO_UNKNOWN_FORMAT', and the codes of the formats' own functions)
 */
export async function openFormat(
  context: ReaderContext,
  path: string,
  { ffmpeg, track }: FormatOptions,
): Promise<DecodedAudio> {
  const { source } = context;
  await skipTags(source);
  const head = await distinctiveHead(source);
  if (head.length === 0) throw emptyError(source.name);
  const kind = fileKind(head);
  const other = (label: string | undefined) =>
    openFfmpeg(context, {
      path: source.sizeBytes === undefined ? undefined : path,
      label,
      ...(ffmpeg === undefined ? {} : { program: ffmpeg }),
      ...(track === undefined ? {} : { track }),
    });
  // Several streams of sound in an Ogg are rare: the first is read here.
  if (kind?.native === 'ogg' && track !== undefined && track !== 1) return other(kind.label);
  if (kind?.native !== undefined) checkOnlyTrack(track, source.name);
  // Those that bring WebAssembly along are loaded when they are needed.
  switch (kind?.native) {
    case 'wav': {
      const codec = await peekOtherCodec(source);
      return codec === undefined ? openWav(context) : other(`WAV of ${codec}`);
    }
    case 'aiff':
      return (await plain(context, await peekAiffHeader(source))) ?? other(kind.label);
    case 'caf':
      return (await plain(context, await peekCafHeader(source))) ?? other(kind.label);
    case 'mp3':
      return (await import('./mp3.ts')).openMp3(context, findFirstFrame(head) ?? 0);
    case 'flac':
      return openFlac(context);
    case 'ogg':
      return (await import('./ogg.ts')).openOgg(context, track !== undefined);
    case undefined:
      if (kind?.isSilent)
        throw new AudioError('AUDIO_UNKNOWN_FORMAT', `${source.name} is no audio: it looks like ${kind.label}`);
      return other(kind?.label);
  }
}

export function emptyError(name: string): AudioError {
  return new AudioError('AUDIO_EMPTY', `${name} is empty`);
}

/** @returns undefined where the samples are not plain ones */
async function plain(context: ReaderContext, data: SampleData | undefined): Promise<DecodedAudio | undefined> {
  if (data === undefined) return undefined;
  await context.source.skip(data.dataOffset);
  return openSampleData(context, data);
}

/** As few of the first bytes as tell the format, for more of them may be long in coming through a pipe. */
async function distinctiveHead(source: PeekSource): Promise<Uint8Array> {
  const start = await source.peek(12);
  if (/^(RIFF|fLaC)/.test(String.fromCharCode(...start.subarray(0, 4)))) return start;
  const head = await source.peek(headBytes);
  const kind = fileKind(head);
  return kind === undefined || kind.label === 'text' ? source.peek(searchBytes) : head;
}
