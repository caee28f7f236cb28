import { AudioError } from '../errors.ts';
import { allowEventLoop } from './event-loop.ts';
import type { DecodedAudio } from './formats/decoded-audio.ts';
import { type ChannelChoice, createMono } from './mono.ts';
import { createResampler, type Resampler, resamplingPeriod } from './resample.ts';
import { sampleRate } from './windows.ts';

/** A stretch of a recording, in samples at 16 kHz. */
export interface SampleRange {
  readonly start: number;
  /** infinite for the recording's own end */
  readonly end: number;
}

interface ReadOptions {
  readonly name: string;
  readonly range: SampleRange;
  readonly channel: ChannelChoice;
  readonly warn: (message: string) => void;
  readonly signal: AbortSignal | undefined;
}

/** What is decoded but not resampled before a start within the recording: more than any filter reaches back. */
const leadSamples = sampleRate;

/**
 * Turns a decoded recording, which it closes, into 16 kHz mono in [-1, 1].
 *
 * @throws AudioError ('AUDIO_PAST_END') when the recording ends before the range begins
 */
export async function* readSamples(
  decoded: DecodedAudio,
  { name, range, channel, warn, signal }: ReadOptions,
): AsyncGenerator<Float32Array> {
  await using _ = decoded;
  const toMono = createMono(channel, (fault) => warn(`${name} has ${fault}`));
  async function* mono(): AsyncGenerator<MonoBlock> {
    for await (const { channels, sampleRate: rate } of decoded.blocks) {
      yield* pieces({ samples: toMono(channels, rate), rate }, signal);
    }
  }
  let end = 0;
  for await (const { position, samples } of resampled(mono(), range.start)) {
    end = position + samples.length;
    const part = samples.subarray(Math.max(0, range.start - position), Math.max(0, range.end - position));
    yield clip(part.byteLength === part.buffer.byteLength ? part : part.slice());
    if (end >= range.end) return;
  }
  if (range.start > 0 && end <= range.start) throw pastEndError(name, range, end / sampleRate);
}

function pastEndError(name: string, { start }: SampleRange, durationSeconds: number): AudioError {
  const [at, duration] = [start / sampleRate, durationSeconds].map((seconds) => seconds.toFixed(2));
  return new AudioError('AUDIO_PAST_END', `${name} has nothing at ${at} s: it is ${duration} s long`, {
    hint: 'let it start earlier',
  });
}

interface MonoBlock {
  readonly samples: Float32Array;
  readonly rate: number;
}

interface PlacedBlock {
  /** of its first sample, at 16 kHz from the recording's beginning */
  readonly position: number;
  readonly samples: Float32Array;
}

/** Cuts a block, whatever a frame of its format holds, into half seconds: so much, and the event loop has its turn. */
async function* pieces({ samples, rate }: MonoBlock, signal: AbortSignal | undefined): AsyncGenerator<MonoBlock> {
  const pieceSamples = Math.ceil(rate / 2);
  let start = 0;
  do {
    await allowEventLoop(signal);
    yield { samples: samples.subarray(start, start + pieceSamples), rate };
    start += pieceSamples;
  } while (start < samples.length);
}

/**
 * Resamples from a little before `start` on, where the samples are the same as if all had been resampled.
 * A rate that changes on the way begins a filter anew.
 */
async function* resampled(blocks: AsyncIterable<MonoBlock>, start: number): AsyncGenerator<PlacedBlock> {
  let resampler: Resampler | undefined;
  let rate = 0;
  let position = 0;
  let nSkip = 0; // input samples still to be dropped
  for await (const block of blocks) {
    if (resampler === undefined) {
      rate = block.rate;
      resampler = createResampler(rate, sampleRate);
      // Whole periods of input and output, so that each output keeps its phase.
      const period = resamplingPeriod(rate, sampleRate);
      const nPeriods = Math.max(0, Math.floor((start - leadSamples) / period.to));
      position = nPeriods * period.to;
      nSkip = nPeriods * period.from;
    } else if (block.rate !== rate) {
      const samples = resampler.flush();
      yield { position, samples };
      position += samples.length - Math.round((nSkip * sampleRate) / rate);
      nSkip = 0;
      rate = block.rate;
      resampler = createResampler(rate, sampleRate);
    }
    const dropped = Math.min(nSkip, block.samples.length);
    nSkip -= dropped;
    if (nSkip > 0) continue;
    const samples = resampler.push(block.samples.subarray(dropped));
    yield { position, samples };
    position += samples.length;
  }
  if (resampler === undefined) return;
  position -= Math.round((nSkip * sampleRate) / rate);
  yield { position, samples: resampler.flush() };
}

/** Limits samples to [-1, 1] in place: floats may go beyond, and so may what resampling finds between two samples. */
function clip(samples: Float32Array): Float32Array {
  for (let i = 0; i < samples.length; i++) samples[i] = Math.max(-1, Math.min(1, samples[i] as number));
  return samples;
}
