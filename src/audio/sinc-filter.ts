/** Share of the lower Nyquist frequency that passes unchanged: 7.2 kHz of 8 kHz. Speech and the mel filters need no more. */
const passShare = 0.9;
/** Attenuation the Kaiser window is designed for; what is measured above the lower Nyquist frequency is at least 90 dB. */
const stopBandDecibels = 96;

/** A low-pass filter sampled at `nPhases + 1` sub-sample shifts: one row of taps for each. */
export interface PhaseTable {
  /** taps per row, a multiple of 4 */
  readonly nTaps: number;
  readonly nPhases: number;
  /** [nPhases + 1, nTaps]; row p serves an output that lies p / nPhases of an input sample after tap nTaps / 2 - 1 */
  readonly taps: Float32Array;
}

/**
 * Designs a Kaiser-windowed sinc that ends at the lower of the two Nyquist frequencies.
 * Length and shape follow Kaiser's formulas (Oppenheim and Schafer, Discrete-Time Signal Processing, §7.5.3).
 *
 * @param fromRate input rate in Hz
 * @param toRate output rate in Hz
 * @param nPhases rows besides the closing one, which equals row 0 shifted by one tap and is there to interpolate towards
 */
export function designPhases(fromRate: number, toRate: number, nPhases: number): PhaseTable {
  const nyquist = Math.min(fromRate, toRate) / 2 / fromRate; // in cycles per input sample
  const cutoff = (nyquist * (1 + passShare)) / 2;
  const transition = nyquist * (1 - passShare);
  const halfTaps = 2 * Math.ceil((stopBandDecibels - 7.95) / (14.36 * transition) / 4);
  const beta = 0.1102 * (stopBandDecibels - 8.7);

  const nTaps = 2 * halfTaps;
  const taps = new Float32Array((nPhases + 1) * nTaps);
  const row = new Float64Array(nTaps);
  for (let phase = 0; phase <= nPhases; phase++) {
    let sum = 0;
    for (let tap = 0; tap < nTaps; tap++) {
      const distance = tap - (halfTaps - 1) - phase / nPhases;
      row[tap] = sinc(2 * cutoff * distance) * kaiser(distance / halfTaps, beta);
      sum += row[tap] ?? 0;
    }
    // Every row passes a constant unchanged, so that silence with an offset gains no tone at the phase rate.
    for (let tap = 0; tap < nTaps; tap++) taps[phase * nTaps + tap] = (row[tap] ?? 0) / sum;
  }
  return { nTaps, nPhases, taps };
}

function sinc(x: number): number {
  return x === 0 ? 1 : Math.sin(Math.PI * x) / (Math.PI * x);
}

/** The Kaiser window over [-1, 1], 0 outside; scaled by a constant that normalising the rows takes out. */
function kaiser(x: number, beta: number): number {
  return Math.abs(x) > 1 ? 0 : besselI0(beta * Math.sqrt(1 - x * x));
}

/** Modified Bessel function of the first kind and order 0, by its power series. */
function besselI0(x: number): number {
  let term = 1;
  let sum = 1;
  for (let k = 1; term > 1e-12 * sum; k++) {
    term *= (x / (2 * k)) ** 2;
    sum += term;
  }
  return sum;
}
