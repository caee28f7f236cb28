import { fileURLToPath } from 'node:url';
import { type OpenAudioOptions, openAudio } from '../audio/open-audio.ts';
import { sampleRate } from '../audio/windows.ts';
import { AudioError } from '../errors.ts';

/** Mono samples at 16 kHz, and what they are. */
export interface BenchAudio {
  readonly samples: Float32Array;
  readonly seconds: number;
  /** For people: 'sample espeak-en-16k.wav, cut to 4.0 s'. */
  readonly description: string;
}

const sampleName = 'espeak-en-16k.wav';

/**
 * The audio to measure with.
 *
 * @param file a recording; without one, the sample that ships with this program
 * @param seconds cuts the audio or repeats it to this length; without it, a file is taken whole and the sample at 4 s
 * @throws AudioError when the file cannot be read or has no samples
 */
export async function benchAudio(
  file: string | undefined,
  seconds: number | undefined,
  options: Pick<OpenAudioOptions, 'signal' | 'onWarning'> = {},
): Promise<BenchAudio> {
  const path = file ?? fileURLToPath(new URL(`../../samples/${sampleName}`, import.meta.url));
  const whole = await readSamples(path, options);
  const name = file ?? `sample ${sampleName}`;
  if (whole.length === 0) throw new AudioError('AUDIO_EMPTY', `${name} has no samples to measure with`);
  const length = Math.round((seconds ?? (file === undefined ? 4 : whole.length / sampleRate)) * sampleRate);
  const change = length === whole.length ? 'whole' : length < whole.length ? 'cut to' : 'repeated to';
  const description = `${name}, ${change === 'whole' ? '' : `${change} `}${(length / sampleRate).toFixed(1)} s`;
  return { samples: repeatTo(whole, length), seconds: length / sampleRate, description };
}

/** Cuts samples, or repeats them from the start, to a length. */
export function repeatTo(samples: Float32Array, length: number): Float32Array {
  const out = new Float32Array(length);
  for (let at = 0; at < length; at += samples.length) out.set(samples.subarray(0, length - at), at);
  return out;
}

async function readSamples(path: string, options: OpenAudioOptions): Promise<Float32Array> {
  await using audio = await openAudio(path, options);
  const blocks: Float32Array[] = [];
  for await (const block of audio.samples) blocks.push(block);
  const samples = new Float32Array(blocks.reduce((sum, block) => sum + block.length, 0));
  let at = 0;
  for (const block of blocks) {
    samples.set(block, at);
    at += block.length;
  }
  return samples;
}
