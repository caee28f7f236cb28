import { designPhases } from './sinc-filter.ts';

/** Converts one channel from one rate to another, block by block. */
export interface Resampler {
  /** Takes the next samples and returns those outputs that no later input can change. */
  push(block: Float32Array): Float32Array;
  /** Returns the outputs still due, as if silence followed. The resampler is spent then. */
  flush(): Float32Array;
}

/** Up to here every phase of the exact ratio has its own row: enough for 44.1, 22.05 and 11.025 kHz to 16 kHz. */
const maxExactPhases = 1024;
/** Beyond, rows are interpolated; at 512 a sample the error lies below -105 dB. */
const interpolatedPhases = 512;
/** Input samples taken in at a time. */
const sliceSamples = 8192;

/**
 * A polyphase windowed-sinc resampler at the exact ratio `toRate / fromRate`. Output k stands at time k / toRate, as
 * input n stands at n / fromRate: there is no delay. `n` inputs give ceil(n * toRate / fromRate) outputs in all,
 * the same ones however the input is cut into blocks. With equal rates blocks are handed through as they are.
 *
 * @param fromRate input rate in Hz, a positive integer
 * @param toRate output rate in Hz, a positive integer
 */
export function createResampler(fromRate: number, toRate: number): Resampler {
  if (fromRate === toRate) return { push: (block) => block, flush: () => new Float32Array(0) };

  const { from: downFactor, to: upFactor } = resamplingPeriod(fromRate, toRate);
  const isExact = upFactor <= maxExactPhases;
  const table = designPhases(fromRate, toRate, isExact ? upFactor : interpolatedPhases);
  const { nTaps, nPhases } = table;
  const lookahead = nTaps / 2;

  // The window of the next output starts at `base` of the buffer; `phase` counts upFactor-ths of an input sample.
  const buffer = new Float32Array(nTaps + sliceSamples);
  let filled = lookahead - 1; // silence before the first sample
  let base = 0;
  let phase = 0;
  let nReceived = 0;
  let nProduced = 0;

  function next(): number {
    if (isExact) return dot(buffer, base, table.row(phase));
    const position = (phase * nPhases) / upFactor;
    const row = Math.floor(position);
    const low = dot(buffer, base, table.row(row));
    const high = dot(buffer, base, table.row(row + 1));
    return low + (high - low) * (position - row);
  }

  function push(block: Float32Array): Float32Array {
    nReceived += block.length;
    // Output k needs the input up to floor(k * down / up) + lookahead.
    const nReady = Math.max(0, Math.ceil(((nReceived - lookahead) * upFactor) / downFactor));
    const output = new Float32Array(nReady - nProduced);
    nProduced = nReady;
    let written = 0;
    for (let start = 0; start < block.length; ) {
      const slice = block.subarray(start, start + buffer.length - filled);
      buffer.set(slice, filled);
      filled += slice.length;
      start += slice.length;
      for (; base + nTaps <= filled; written++) {
        output[written] = next();
        phase += downFactor;
        base += Math.floor(phase / upFactor);
        phase %= upFactor;
      }
      buffer.copyWithin(0, base, filled);
      filled -= base;
      base = 0;
    }
    return output;
  }

  return { push, flush: () => push(new Float32Array(lookahead)) };
}

/** The fewest input samples after which outputs fall on inputs again, and how many outputs that makes. */
export function resamplingPeriod(fromRate: number, toRate: number): { from: number; to: number } {
  const divisor = greatestCommonDivisor(fromRate, toRate);
  return { from: fromRate / divisor, to: toRate / divisor };
}

/** Sum of the products with a row of taps. Four sums, because one alone waits for each addition in turn. */
function dot(samples: Float32Array, start: number, taps: Float32Array): number {
  let a = 0;
  let b = 0;
  let c = 0;
  let d = 0;
  for (let i = start, j = 0; j < taps.length; i += 4, j += 4) {
    a += (samples[i] as number) * (taps[j] as number);
    b += (samples[i + 1] as number) * (taps[j + 1] as number);
    c += (samples[i + 2] as number) * (taps[j + 2] as number);
    d += (samples[i + 3] as number) * (taps[j + 3] as number);
  }
  return a + b + c + d;
}

function greatestCommonDivisor(a: number, b: number): number {
  return b === 0 ? a : greatestCommonDivisor(b, a % b);
}
