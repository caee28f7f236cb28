import { fft, planFft } from './fft.ts';
import { type MelFilters, melFilters } from './mel-filters.ts';

/** The sample rate that Whisper hears, in Hz. */
export const sampleRate = 16_000;
/** Samples in one spectrum (25 ms). */
export const nFft = 400;
/** Samples from one frame to the next (10 ms). */
export const hopLength = 160;
/** Samples in the encoder's window (30 s). */
export const nSamples = 480_000;
/** Frames in the encoder's window. */
export const nFrames = nSamples / hopLength;

const nBins = nFft / 2 + 1;
const energyFloor = 1e-10;
/** Range kept below the loudest value, in powers of ten. */
const dynamicRange = 8;

/**
 * Whisper's log-mel spectrogram of up to 30 s, padded with silence to 30 s (openai/whisper audio.py
 * `log_mel_spectrogram` of `pad_or_trim`).
 *
 * @param samples - mono, 16 kHz, -1 … 1, at most {@link nSamples}
 * @param nMels - mel bands: 80, or 128 for large-v3 and turbo
 * @returns f32 [nMels, 3000], row-major
 * @throws RangeError for more than {@link nSamples} samples
 */
export function logMelSpectrogram(samples: Float32Array, nMels: number): Float32Array<ArrayBuffer> {
  if (samples.length > nSamples) throw new RangeError(`${samples.length} samples do not fit a window of ${nSamples}`);
  const { energies, max } = logMelEnergies(samples, nMels, { first: 0, count: nFrames, paddedLength: nSamples });
  return normalise(energies, max);
}

/** Which frames of a padded recording: `first` … `first + count - 1`. */
export interface FrameRange {
  readonly first: number;
  readonly count: number;
  /** The place in the recording of the first sample given; 0 by default. */
  readonly offset?: number;
  /** Samples in the recording with the silence that follows it; the end is mirrored there, not at the last sample. */
  readonly paddedLength: number;
}

/** What {@link logMelEnergies} gives. */
export interface LogMelEnergies {
  /** f32 [nMels, range.count], row-major: log10 of energies of at least 1e-10, so -10 where all is silent. */
  readonly energies: Float32Array;
  /** The largest of them. */
  readonly max: number;
}

/**
 * Logarithms of the mel energies of some frames, before the clamp that needs the maximum over all of them: pieces of a
 * long recording are made alike when each goes through {@link normalise} with the maximum of the whole.
 *
 * Frame i is centred on sample i · {@link hopLength}; what lies before the start and after `paddedLength` mirrors what
 * is inside.
 *
 * @param samples - the recording, or of a long one at least what the frames see: mono, 16 kHz, -1 … 1
 */
export function logMelEnergies(samples: Float32Array, nMels: number, range: FrameRange): LogMelEnergies {
  const { first, count, offset = 0, paddedLength } = range;
  let max = Math.log10(energyFloor);
  const energies = new Float32Array(nMels * count).fill(max);
  // A frame that begins after the last sample sees only padding and has the floor's value already.
  const heardFrames = Math.ceil((offset + samples.length + nFft / 2) / hopLength);
  const heard = Math.min(heardFrames - first, count);
  if (heard <= 0) return { energies, max };

  const start = first * hopLength - nFft / 2;
  const end = start + (heard - 1) * hopLength + nFft;
  const signal = reflectPadded({ samples, offset }, start, end, paddedLength);
  const plan = planFft(nFft);
  const window = halvedHannWindow();
  const filters = melFilters(nMels, nFft, sampleRate);
  const re = new Float64Array(nFft);
  const im = new Float64Array(nFft);
  const power = new Float64Array(nBins);
  const partnerPower = new Float64Array(nBins);
  for (let frame = 0; frame < heard; frame += 2) {
    // Two real frames share one complex transform; the last of an odd number is its own partner.
    const partner = Math.min(frame + 1, heard - 1);
    cutFrame(signal, frame * hopLength, window, re);
    cutFrame(signal, partner * hopLength, window, im);
    fft(plan, re, im);
    splitPower(re, im, power, partnerPower);
    const frameMax = storeLogMel(filters, power, energies, frame, count);
    const partnerMax = storeLogMel(filters, partnerPower, energies, partner, count);
    max = Math.max(max, frameMax, partnerMax);
  }
  return { energies, max };
}

/**
 * Whisper's scaling: everything more than 80 dB below the maximum is raised to that, then (x + 4) / 4.
 *
 * @param energies - from {@link logMelEnergies}
 * @param max - the largest energy of the whole recording, silence included
 * @returns f32, as long as `energies`
 */
export function normalise(energies: Float32Array, max: number): Float32Array<ArrayBuffer> {
  const floor = max - dynamicRange;
  const scaled = new Float32Array(energies.length);
  for (let i = 0; i < scaled.length; i++) {
    const energy = energies[i] as number;
    scaled[i] = ((energy > floor ? energy : floor) + 4) / 4;
  }
  return scaled;
}

/** Whether a stretch of a spectrogram is all floor: nothing in it comes within 80 dB of the recording's loudest sound. */
export function isFlat(frames: Float32Array): boolean {
  return frames.every((value) => value === frames[0]);
}

/** Samples `start` … `end - 1` of the recording: silent after its last sample, mirrored at 0 and at `paddedLength`. */
function reflectPadded(
  { samples, offset }: { readonly samples: Float32Array; readonly offset: number },
  start: number,
  end: number,
  paddedLength: number,
): Float32Array {
  const signal = new Float32Array(end - start);
  const from = Math.max(start, offset);
  signal.set(samples.subarray(from - offset, Math.max(from, end) - offset), from - start);
  for (let at = start; at < 0; at++) signal[at - start] = samples[-at - offset] ?? 0;
  for (let at = paddedLength; at < end; at++) signal[at - start] = samples[2 * (paddedLength - 1) - at - offset] ?? 0;
  return signal;
}

/** The periodic Hann window, halved so that the halves in {@link splitPower} need no scaling. */
function halvedHannWindow(): Float64Array {
  return Float64Array.from({ length: nFft }, (_, i) => (1 - Math.cos((2 * Math.PI * i) / nFft)) / 4);
}

function cutFrame(signal: Float32Array, start: number, window: Float64Array, frame: Float64Array): void {
  for (let i = 0; i < nFft; i++) frame[i] = (signal[start + i] as number) * (window[i] as number);
}

/**
 * Power spectra of the real signals a and b from the transform Z of (a + ib) / 2: with Z* the mirrored conjugate,
 * A = Z + Z* and iB = Z - Z*. Leaves bin 0 alone, the foot of the first mel filter, which weighs nothing.
 */
function splitPower(re: Float64Array, im: Float64Array, powerA: Float64Array, powerB: Float64Array): void {
  for (let k = 1; k < nBins; k++) {
    const r = re[k] as number;
    const i = im[k] as number;
    const mirrorR = re[nFft - k] as number;
    const mirrorI = im[nFft - k] as number;
    const aR = r + mirrorR;
    const aI = i - mirrorI;
    const bR = r - mirrorR;
    const bI = i + mirrorI;
    powerA[k] = aR * aR + aI * aI;
    powerB[k] = bR * bR + bI * bI;
  }
}

/** Writes the log mel energies of a power spectrum to column `frame` of [nMels, frames]; returns the largest. */
function storeLogMel(
  filters: MelFilters,
  power: Float64Array,
  energies: Float32Array,
  frame: number,
  frames: number,
): number {
  const { firstBins, offsets, weights } = filters;
  let max = Number.NEGATIVE_INFINITY;
  let at = 0;
  for (let m = 0; m < firstBins.length; m++) {
    const end = offsets[m + 1] as number;
    let sum = 0;
    for (let bin = firstBins[m] as number; at < end; at++, bin++) {
      sum += (power[bin] as number) * (weights[at] as number);
    }
    const energy = Math.log10(sum > energyFloor ? sum : energyFloor);
    energies[m * frames + frame] = energy;
    if (energy > max) max = energy;
  }
  return max;
}
