/** Samples per second of everything behind `src/audio`: the rate Whisper was trained at. */
export const sampleRate = 16_000;

/** Nothing is said in a recording this short, though a model would make something up about it. */
export const longestSilentSeconds = 0.1;

/**
 * Cuts a stream of sample blocks into consecutive windows, each a fresh array. Holds one window and one block at most.
 *
 * @param windowSamples length of a window, a positive integer; the last one is shorter when samples run out,
 *   and there is none for a stream without samples
 */
export async function* windows(
  samples: AsyncIterable<Float32Array>,
  windowSamples: number,
): AsyncGenerator<Float32Array> {
  if (!Number.isInteger(windowSamples) || windowSamples < 1)
    throw new RangeError(`Expected a positive integer for windowSamples but received ${windowSamples}`);
  let window = new Float32Array(windowSamples);
  let filled = 0;
  for await (const block of samples) {
    for (let start = 0; start < block.length; ) {
      const part = block.subarray(start, start + windowSamples - filled);
      window.set(part, filled);
      filled += part.length;
      start += part.length;
      if (filled === windowSamples) {
        yield window;
        window = new Float32Array(windowSamples);
        filled = 0;
      }
    }
  }
  if (filled > 0) yield window.slice(0, filled);
}
