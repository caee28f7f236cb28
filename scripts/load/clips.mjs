import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

const bytesPerSecond = 32_000;

/** Clips of 5 to 30 s in a folder: a sentence and parts of it, one to four times, with pauses. @param samplePath 16 kHz, mono, 16 bits */
export function makeClips(samplePath, folder) {
  const sample = readFileSync(samplePath);
  const sentence = sample.subarray(44);
  const pause = Buffer.alloc(bytesPerSecond);
  const begin = (seconds) => sentence.subarray(0, seconds * bytesPerSecond);
  const clips = [
    [sentence],
    [sentence, begin(1.5)],
    [sentence, begin(3)],
    [sentence, sentence],
    [begin(3), sentence, sentence],
    [sentence, sentence, sentence],
    [sentence, sentence, begin(3), sentence],
    [sentence, sentence, sentence, sentence],
  ];
  return clips.map((parts, i) => {
    const data = Buffer.concat(parts.flatMap((part) => [part, pause]));
    const header = Buffer.from(sample.subarray(0, 44));
    header.writeUInt32LE(36 + data.length, 4);
    header.writeUInt32LE(data.length, 40);
    const path = join(folder, `${i}.wav`);
    writeFileSync(path, Buffer.concat([header, data]));
    return { path, seconds: data.length / bytesPerSecond, bytes: readFileSync(path), text: undefined };
  });
}
