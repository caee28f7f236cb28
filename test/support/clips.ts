import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { wavBytes } from '../audio/wav-bytes.ts';

const sampleRate = 16_000;
const headerBytes = 44;

/** Writes short pieces of the shipped sample as WAV files of a folder. @returns their names */
export function writeClips(folder: string, count: number, durationSeconds = 0.5): string[] {
  const bytes = readFileSync('samples/espeak-en-16k.wav').subarray(headerBytes);
  const samples = Float32Array.from(
    { length: Math.floor(bytes.length / 2) },
    (_, i) => bytes.readInt16LE(2 * i) / 32_768,
  );
  const length = Math.round(durationSeconds * sampleRate);
  return Array.from({ length: count }, (_, i) => {
    const name = `clip-${String(i).padStart(2, '0')}.wav`;
    const start = Math.round((i * (samples.length - length)) / count);
    writeFileSync(join(folder, name), wavBytes({ sampleRate, channels: [samples.subarray(start, start + length)] }));
    return name;
  });
}
