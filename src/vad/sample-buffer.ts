/** The samples of a stream that are still wanted, addressed by their place in it. */
export interface SampleBuffer {
  /** end of what has come so far */
  readonly end: number;
  append(block: Float32Array): void;
  /** A copy of `start` to `end`, which must not have been dropped, as far as it has come. */
  slice(start: number, end: number): Float32Array;
  /** Forgets what stands before `start`. */
  drop(start: number): void;
}

export function createSampleBuffer(): SampleBuffer {
  let blocks: { readonly start: number; readonly samples: Float32Array }[] = [];
  let end = 0;
  return {
    get end() {
      return end;
    },
    append(samples) {
      if (samples.length > 0) blocks.push({ start: end, samples });
      end += samples.length;
    },
    slice(from, to) {
      const slice = new Float32Array(Math.max(0, Math.min(to, end) - from));
      for (const { start, samples } of blocks) {
        const part = samples.subarray(Math.max(0, from - start), Math.max(0, to - start));
        if (part.length > 0) slice.set(part, Math.max(0, start - from));
      }
      return slice;
    },
    drop(before) {
      blocks = blocks.filter(({ start, samples }) => start + samples.length > before);
    },
  };
}
