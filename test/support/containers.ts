import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join, resolve } from 'node:path';

/** A container with a codec in it, as a program writes it. */
export interface Container {
  readonly name: string;
  readonly program: 'ffmpeg' | 'sox';
  /** Between input and output. */
  readonly args: readonly string[];
  /** Has pictures, too. */
  readonly hasVideo?: boolean;
  /** What ffmpeg cannot decode of it. */
  readonly warning?: RegExp;
  /** How alike it sounds at least, as a correlation; what telephones use keeps the sound and not the wave. */
  readonly likeness?: number;
}

const ffmpeg = (name: string, ...args: string[]): Container => ({ name, program: 'ffmpeg', args });
const sox = (name: string, ...args: string[]): Container => ({ name, program: 'sox', args });
const video = (name: string, ...args: string[]): Container => ({ ...ffmpeg(name, ...args), hasVideo: true });
const rough = (container: Container): Container => ({ ...container, likeness: 0.7 });

/** What people have: from recorders, telephones, cameras, editors and archives. */
export const containers: readonly Container[] = [
  ffmpeg('pcm.wav', '-c:a', 'pcm_s24le'),
  ffmpeg('rf64.wav', '-rf64', 'always'),
  ffmpeg('adpcm-ima.wav', '-c:a', 'adpcm_ima_wav'),
  ffmpeg('adpcm-ms.wav', '-c:a', 'adpcm_ms'),
  rough(ffmpeg('gsm.wav', '-ar', '8000', '-c:a', 'libgsm_ms')),
  ffmpeg('mp3.wav', '-c:a', 'libmp3lame'),
  ffmpeg('pcm.w64'),
  ffmpeg('pcm.aiff'),
  ffmpeg('sowt.aifc', '-c:a', 'pcm_s16le', '-f', 'aiff'),
  sox('sox.aif'),
  ffmpeg('pcm.caf'),
  ffmpeg('alac.caf', '-c:a', 'alac'),
  sox('mulaw.au', '-e', 'mu-law'),
  sox('pcm.voc'),
  sox('pcm.sph'),
  // Pauses are written in a way that ffmpeg does not know.
  {
    ...rough(sox('narrow.amr', '-r', '8000', '-C', '7', '-t', 'amr-nb')),
    warning: /has parts that ffmpeg cannot decode/,
  },
  ffmpeg('layer3.mp3', '-c:a', 'libmp3lame'),
  ffmpeg('layer2.mp2', '-c:a', 'mp2'),
  ffmpeg('adts.aac', '-c:a', 'aac'),
  ffmpeg('dolby.ac3', '-c:a', 'ac3', '-ar', '48000'),
  ffmpeg('free.flac'),
  ffmpeg('free.opus', '-c:a', 'libopus'),
  ffmpeg('vorbis.oga', '-c:a', 'libvorbis'),
  rough(ffmpeg('speech.spx', '-c:a', 'libspeex')),
  ffmpeg('pack.wv', '-c:a', 'wavpack'),
  ffmpeg('memo.m4a', '-c:a', 'aac'),
  ffmpeg('apple.m4a', '-c:a', 'alac'),
  ffmpeg('windows.wma', '-c:a', 'wmav2', '-ar', '44100'),
  ffmpeg('audio.mka', '-c:a', 'libvorbis'),
  ffmpeg('audio.weba', '-c:a', 'libopus', '-f', 'webm'),
  ffmpeg('phone.3g2', '-c:a', 'aac'),
  video('film.mp4', '-c:v', 'mpeg4', '-c:a', 'aac'),
  video('film.mov', '-c:v', 'mpeg4', '-c:a', 'pcm_s16le'),
  video('film.ogv', '-c:v', 'libtheora', '-c:a', 'libvorbis'),
  video('film.vob', '-c:v', 'mpeg2video', '-r', '25', '-c:a', 'ac3', '-ar', '48000'),
  video('film.flv', '-c:v', 'flv', '-c:a', 'libmp3lame', '-ar', '44100'),
  video('lecture.ts', '-c:v', 'mpeg2video', '-r', '25', '-c:a', 'mp2'),
  video(
    'camera.mts',
    '-c:v',
    'mpeg2video',
    '-r',
    '25',
    '-c:a',
    'ac3',
    '-ar',
    '48000',
    '-f',
    'mpegts',
    '-mpegts_m2ts_mode',
    '1',
  ),
];

/** Whether both programs are there. */
export const canMakeContainers = ['ffmpeg', 'sox'].every(
  (program) => spawnSync(program, [program === 'sox' ? '--version' : '-version']).status === 0,
);

/** Makes a recording in a folder from a WAV. */
export function makeContainer(
  { name, program, args, hasVideo = false }: Container,
  wav: string,
  folder: string,
): string {
  const path = join(folder, name);
  const pictures = hasVideo
    ? ['-f', 'lavfi', '-i', 'testsrc=size=64x64:rate=25', '-shortest', '-map', '0:a', '-map', '1:v']
    : [];
  const { stderr } = spawnSync(
    program,
    program === 'sox'
      ? ['-V1', '-D', resolve(wav), ...args, path]
      : ['-v', 'error', '-y', '-i', resolve(wav), ...pictures, ...args, path],
    { encoding: 'utf8' },
  );
  if (!existsSync(path)) throw new Error(`${name} cannot be made: ${stderr}`);
  return path;
}
