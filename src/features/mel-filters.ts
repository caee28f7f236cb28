/** Triangular filters over FFT bins, kept sparse: filter m weighs `weights[offsets[m] … offsets[m + 1])`. */
export interface MelFilters {
  /** Per filter, the FFT bin that its first weight belongs to. */
  readonly firstBins: Int32Array;
  /** nMels + 1 positions in `weights`. */
  readonly offsets: Int32Array;
  /** The non-zero weights, filter after filter, in order of frequency. */
  readonly weights: Float64Array;
}

// Slaney's mel scale (Auditory Toolbox, as in librosa): linear up to 1 kHz, then 27 mels to a factor of 6.4.
const linearHzPerMel = 200 / 3;
const breakHz = 1000;
const breakMel = breakHz / linearHzPerMel;
const logStep = Math.log(6.4) / 27;

function hzToMel(hz: number): number {
  return hz < breakHz ? hz / linearHzPerMel : breakMel + Math.log(hz / breakHz) / logStep;
}

function melToHz(mel: number): number {
  return mel < breakMel ? mel * linearHzPerMel : breakHz * Math.exp(logStep * (mel - breakMel));
}

/**
 * The mel filterbank of openai/whisper's `mel_filters.npz` (`librosa.filters.mel(sr=16000, n_fft=400, n_mels=nMels)`):
 * filter feet and peaks evenly spaced in mel from 0 Hz to half the sample rate, each filter of area 2 / width in Hz.
 *
 * @param nMels - number of filters; where they are narrower than a bin some are empty, as in librosa
 * @param nFft - FFT length in samples
 * @param sampleRate - in Hz
 */
export function melFilters(nMels: number, nFft: number, sampleRate: number): MelFilters {
  const binHz = sampleRate / nFft;
  const topHz = sampleRate / 2;
  const melStep = hzToMel(topHz) / (nMels + 1);
  // Rounding must not push the last foot past the top, where it would weigh one more bin.
  const edgeHz = (i: number) => Math.min(melToHz(i * melStep), topHz);
  const firstBins = new Int32Array(nMels);
  const offsets = new Int32Array(nMels + 1);
  const weights: number[] = [];
  for (let m = 0; m < nMels; m++) {
    const lowHz = edgeHz(m);
    const peakHz = edgeHz(m + 1);
    const highHz = edgeHz(m + 2);
    const firstBin = Math.floor(lowHz / binHz) + 1;
    firstBins[m] = firstBin;
    for (let bin = firstBin; bin * binHz < highHz; bin++) {
      const hz = bin * binHz;
      const height = Math.min((hz - lowHz) / (peakHz - lowHz), (highHz - hz) / (highHz - peakHz));
      weights.push((height * 2) / (highHz - lowHz));
    }
    offsets[m + 1] = weights.length;
  }
  return { firstBins, offsets, weights: Float64Array.from(weights) };
}
