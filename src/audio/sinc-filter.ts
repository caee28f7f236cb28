/** Share of the lower Nyquist frequency that passes unchanged: 7.2 kHz of 8 kHz. Speech and the mel filters need no more. */
const passShare = 0.9;
/** Attenuation the Kaiser window is designed for; what is measured above the lower Nyquist frequency is at least 90 dB. */
const stopBandDecibels = 96;

/** A low-pass filter sampled at `nPhases + 1` sub-sample shifts: one row of taps for each. */
export interface PhaseTable {
  /** taps per row, a multiple of 4 */
  readonly nTaps: number;
  readonly nPhases: number;
  /**
   * Row p, 0 to `nPhases`, f32 [nTaps], serves an output that lies p / nPhases of an input sample after tap nTaps / 2 - 1.
   * It is worked out when it is first asked for: a table may have three million taps, a recording one sample.
   */
  row(phase: number): Float32Array;
}

/** Tables are kept for the next recording, and for those whose rate goes to and fro. */
const maxKeptTables = 8;
const keptTables = new Map<string, PhaseTable>();

/**
 * Designs a Kaiser-windowed sinc that ends at the lower of the two Nyquist frequencies.
 * Length and shape follow Kaiser's formulas (Oppenheim and Schafer, Discrete-Time Signal Processing, §7.5.3).
 *
 * @param fromRate input rate in Hz
 * @param toRate output rate in Hz
 * @param nPhases rows besides the closing one, which equals row 0 shifted by one tap and is there to interpolate towards
 */
export function designPhases(fromRate: number, toRate: number, nPhases: number): PhaseTable {
  const key = `${fromRate} ${toRate} ${nPhases}`;
  const table = keptTables.get(key) ?? createTable(fromRate, toRate, nPhases);
  keptTables.set(key, table);
  const [oldest = key] = keptTables.keys();
  if (keptTables.size > maxKeptTables) keptTables.delete(oldest);
  return table;
}

function createTable(fromRate: number, toRate: number, nPhases: number): PhaseTable {
  const nyquist = Math.min(fromRate, toRate) / 2 / fromRate; // in cycles per input sample
  const cutoff = (nyquist * (1 + passShare)) / 2;
  const transition = nyquist * (1 - passShare);
  const halfTaps = 2 * Math.ceil((stopBandDecibels - 7.95) / (14.36 * transition) / 4);

  const nTaps = 2 * halfTaps;
  const rows: (Float32Array | undefined)[] = [];
  function designRow(phase: number): Float32Array {
    const row = new Float64Array(nTaps);
    let sum = 0;
    for (let tap = 0; tap < nTaps; tap++) {
      const distance = tap - (halfTaps - 1) - phase / nPhases;
      const value = sinc(2 * cutoff * distance) * kaiser(distance / halfTaps);
      row[tap] = value;
      sum += value;
    }
    // Every row passes a constant unchanged, so that silence with an offset gains no tone at the phase rate.
    const scaled = new Float32Array(nTaps);
    for (let tap = 0; tap < nTaps; tap++) scaled[tap] = (row[tap] as number) / sum;
    return scaled;
  }
  return {
    nTaps,
    nPhases,
    row(phase) {
      const row = rows[phase] ?? designRow(phase);
      rows[phase] = row;
      return row;
    },
  };
}

function sinc(x: number): number {
  return x === 0 ? 1 : Math.sin(Math.PI * x) / (Math.PI * x);
}

const kaiserBeta = 0.1102 * (stopBandDecibels - 8.7);
/** Half of the Kaiser window, at so many steps that between two of them a straight line errs by less than -140 dB. */
const kaiserSteps = 8192;
const kaiserTable = Float64Array.from({ length: kaiserSteps + 2 }, (_, i) =>
  i > kaiserSteps ? 0 : besselI0(kaiserBeta * Math.sqrt(1 - (i / kaiserSteps) ** 2)),
);

/** The Kaiser window over [-1, 1]; scaled by a constant that normalising the rows takes out. */
function kaiser(x: number): number {
  const place = Math.abs(x) * kaiserSteps;
  const step = Math.floor(place);
  const low = kaiserTable[step] ?? 0;
  return low + ((kaiserTable[step + 1] ?? 0) - low) * (place - step);
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
