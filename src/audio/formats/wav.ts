import type { ByteSource } from '../byte-source.ts';
import type { DecodedAudio } from './decoded-audio.ts';
import { openSampleData } from './sample-data.ts';
import { readWavHeader } from './wav-header.ts';

/**
 * Opens a WAV: PCM of 8 to 32 bits, float, A-law or mu-law, any channels, 1 to 384 kHz, RF64 too.
 *
 * @throws AudioError (the codes of `readWavHeader` and `openSampleData`)
 */
export async function openWav(context: {
  readonly source: ByteSource;
  readonly warn: (message: string) => void;
}): Promise<DecodedAudio> {
  return openSampleData(context, await readWavHeader(context.source));
}
