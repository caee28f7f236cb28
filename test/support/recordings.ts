import { openAudio } from '../../src/audio/open-audio.ts';
import type { Recording } from '../../src/transcribe/log-mel-source.ts';
import type { Segment } from '../../src/transcribe/segment.ts';

/** Samples as a recording, in blocks of uneven lengths. */
export function recordingOf(samples: Float32Array, blockLength = 7001): Recording {
  return {
    async *samples() {
      for (let start = 0; start < samples.length; start += blockLength) yield samples.slice(start, start + blockLength);
    },
  };
}

/** All samples of an audio file, mono at 16 kHz. */
export async function samplesOf(path: string): Promise<Float32Array> {
  await using audio = await openAudio(path);
  const blocks: Float32Array[] = [];
  for await (const block of audio.samples) blocks.push(block);
  const samples = new Float32Array(blocks.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const block of blocks) {
    samples.set(block, at);
    at += block.length;
  }
  return samples;
}

/** What is said in a recording, once all of it has been transcribed. */
export async function all(segments: AsyncIterable<Segment>): Promise<Segment[]> {
  const list: Segment[] = [];
  for await (const segment of segments) list.push(segment);
  return list;
}

/** Samples repeated up to a length. */
export function looped(samples: Float32Array, length: number): Float32Array {
  return Float32Array.from({ length }, (_, i) => samples[i % samples.length] as number);
}
