import { hopLength, isFlat, logMelEnergies, nFft, nFrames, normalise, nSamples } from '../features/log-mel.ts';

/** A recording that can be read from its start as often as needed. */
export interface Recording {
  /** What time it is when it begins; times of segments count from there. 0 by default. */
  readonly offsetSeconds?: number;
  /** Mono f32 at 16 kHz in [-1, 1], in blocks of any length. */
  samples(): AsyncIterable<Float32Array>;
}

/** What a first reading tells of a recording. */
export interface Survey {
  readonly sampleCount: number;
  /** Whole frames of 10 ms that it holds. */
  readonly frameCount: number;
  /**
   * The largest log mel energy, which decides what counts as silence in all of it. Up to 30 s it is worked out when first
   * asked for, because transcribing the text alone does not.
   */
  readonly maxEnergy: number;
  /** Its first 30 s, or all of it if it is shorter. */
  readonly beginning: Float32Array;
}

/**
 * Reads a recording once and keeps no more than 30 s of it.
 *
 * @param nMels mel bands
 */
export async function survey(recording: Recording, nMels: number, signal?: AbortSignal): Promise<Survey> {
  const beginning = new Float32Array(nSamples);
  const window = new SampleWindow();
  let maxEnergy = Number.NEGATIVE_INFINITY;
  let frame = 0;
  const measure = (to: number, paddedLength: number) => {
    if (to === frame) return;
    const { samples, offset } = window;
    const range = { first: frame, count: to - frame, offset, paddedLength };
    maxEnergy = Math.max(maxEnergy, logMelEnergies(samples, nMels, range).max);
    frame = to;
    window.dropBefore(frame * hopLength - nFft / 2);
  };
  for await (const block of recording.samples()) {
    signal?.throwIfAborted();
    if (window.end < nSamples) beginning.set(block.subarray(0, nSamples - window.end), window.end);
    window.push(block);
    // As many frames at a time as are whole by now; the last ones wait for what follows them.
    const whole = Math.floor((window.end - nFft / 2) / hopLength);
    if (whole - frame >= nFrames) measure(whole, Number.MAX_SAFE_INTEGER);
  }
  const sampleCount = window.end;
  return {
    sampleCount,
    frameCount: Math.floor(sampleCount / hopLength),
    get maxEnergy() {
      // The frames that hear the end, and one of the silence behind it; all there are of a recording of one window.
      measure(Math.ceil((sampleCount + nFft / 2) / hopLength) + 1, sampleCount + nSamples);
      return maxEnergy;
    },
    beginning: beginning.subarray(0, Math.min(sampleCount, nSamples)),
  };
}

/**
 * The log-mel spectrogram of a recording, window by window, as if all of it were computed at once; only the samples of the
 * windows at hand are held. Source: openai/whisper transcribe.py (`mel`, padded with 30 s of silence) and audio.py
 * (`pad_or_trim`).
 */
export class LogMelSource implements AsyncDisposable {
  readonly #survey: Survey;
  readonly #nMels: number;
  readonly #blocks: AsyncIterator<Float32Array>;
  readonly #window = new SampleWindow();

  constructor(recording: Recording, surveyed: Survey, nMels: number) {
    this.#survey = surveyed;
    this.#nMels = nMels;
    this.#blocks = recording.samples()[Symbol.asyncIterator]();
  }

  /**
   * Frames `seek` … `seek + count - 1`, then zeros up to 3000 frames.
   *
   * @param seek not before what {@link dropBefore} was told
   * @returns f32 [nMels, 3000], and whether there is no sound in it
   */
  async window(seek: number, count: number): Promise<LogMelWindow> {
    const { sampleCount, maxEnergy } = this.#survey;
    const end = Math.min((seek + count) * hopLength + nFft, sampleCount);
    while (this.#window.end < end) {
      const { value, done } = await this.#blocks.next();
      if (done) throw new Error(`the recording ended after ${this.#window.end} of ${sampleCount} samples`);
      this.#window.push(value);
    }
    const { samples, offset } = this.#window;
    const range = { first: seek, count, offset, paddedLength: sampleCount + nSamples };
    const frames = normalise(logMelEnergies(samples, this.#nMels, range).energies, maxEnergy);
    return { logMel: padFrames(frames, this.#nMels, count), isSilent: isFlat(frames) };
  }

  /** Says that no window will begin before this frame. */
  dropBefore(frame: number): void {
    this.#window.dropBefore(frame * hopLength - nFft / 2);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#blocks.return?.();
  }
}

/** What the encoder is given of a recording. */
export interface LogMelWindow {
  readonly logMel: Float32Array<ArrayBuffer>;
  readonly isSilent: boolean;
}

/** Frames with zeros behind them: [nMels, count] -> [nMels, 3000]. */
export function padFrames(frames: Float32Array<ArrayBuffer>, nMels: number, count: number): Float32Array<ArrayBuffer> {
  if (count === nFrames) return frames;
  const padded = new Float32Array(nMels * nFrames);
  for (let mel = 0; mel < nMels; mel++) padded.set(frames.subarray(mel * count, (mel + 1) * count), mel * nFrames);
  return padded;
}

/** The samples of a stretch of a recording: appended at its end, dropped at its start. */
class SampleWindow {
  #samples = new Float32Array(0);
  #length = 0;
  /** The place in the recording of the first sample held. */
  offset = 0;

  get samples(): Float32Array {
    return this.#samples.subarray(0, this.#length);
  }

  /** The place in the recording behind the last sample held. */
  get end(): number {
    return this.offset + this.#length;
  }

  push(block: Float32Array): void {
    if (this.#length + block.length > this.#samples.length) {
      const grown = new Float32Array(2 * (this.#length + block.length));
      grown.set(this.samples);
      this.#samples = grown;
    }
    this.#samples.set(block, this.#length);
    this.#length += block.length;
  }

  dropBefore(sample: number): void {
    const count = Math.min(Math.max(sample - this.offset, 0), this.#length);
    this.#samples.copyWithin(0, count, this.#length);
    this.#length -= count;
    this.offset += count;
  }
}
