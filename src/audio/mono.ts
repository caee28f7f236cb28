/** What a mono signal is made of: the mean of all channels, the first, or the second. */
export type ChannelChoice = 'mix' | 'left' | 'right';

/** Makes one channel of several, block by block. The result may be the very channel. */
export type ToMono = (channels: readonly Float32Array[], sampleRate: number) => Float32Array;

/**
 * A mean of channels counts as cancelled out when it has less than this share of the energy that it would have if they had
 * nothing to do with each other: two of equal loudness are each other's opposite but for a tenth then.
 */
const cancelledShare = 0.1;
/** For so long louder sound is remembered in that comparison, so that no single swing of a wave decides. */
const memorySeconds = 0.1;

/**
 * NaN and infinite samples count as 0. Where channels cancel each other out in their mean (a cable with its poles swapped,
 * a karaoke effect), the loudest of them is taken instead.
 *
 * @param warn told once of either
 */
export function createMono(choice: ChannelChoice, warn: (fault: string) => void): ToMono {
  const told = new Set<string>();
  function tell(fault: string): void {
    if (!told.has(fault)) warn(fault);
    told.add(fault);
  }

  /** of each channel and of their mean, the older the less */
  let energies: number[] = [];
  let mixEnergy = 0;
  /** the one that stands for all where they cancel out: always the same, for a change of it would be heard */
  let substitute: number | undefined;

  function mix(channels: readonly Float32Array[], sampleRate: number): Float32Array {
    const samples = mean(channels);
    if (channels.length !== energies.length) {
      energies = channels.map(() => 0);
      mixEnergy = 0;
      substitute = undefined;
    }
    const kept = Math.exp(-samples.length / sampleRate / memorySeconds);
    energies = energies.map((energy, i) => kept * energy + energyOf(channels[i] ?? samples));
    mixEnergy = kept * mixEnergy + energyOf(samples);
    const unrelatedEnergy = energies.reduce((sum, energy) => sum + energy, 0) / channels.length ** 2;
    if (mixEnergy >= cancelledShare * unrelatedEnergy) return samples;
    substitute ??= energies.indexOf(Math.max(...energies));
    const label = ['the left one', 'the right one'][substitute] ?? `number ${substitute + 1}`;
    tell(`channels that cancel each other out when they are mixed: ${label} is read instead`);
    return channels[substitute] ?? samples;
  }

  return (channels, sampleRate) => {
    const [left = new Float32Array(0), right = left] = channels;
    const chosen = choice === 'mix' ? channels : [choice === 'left' ? left : right];
    const allFinite = chosen.every(areFinite);
    if (!allFinite) tell('samples that are not numbers or infinite: they are read as silence');
    const finite = allFinite ? chosen : chosen.map((samples) => samples.map((x) => (Number.isFinite(x) ? x : 0)));
    const [only = left] = finite;
    return finite.length <= 1 ? only : mix(finite, sampleRate);
  };
}

function mean(channels: readonly Float32Array[]): Float32Array {
  const samples = new Float32Array(channels[0]?.length ?? 0);
  for (let i = 0; i < samples.length; i++) {
    let sum = 0;
    for (const channel of channels) sum += channel[i] as number;
    samples[i] = sum / channels.length;
  }
  return samples;
}

function energyOf(samples: Float32Array): number {
  let sum = 0;
  for (let i = 0; i < samples.length; i++) sum += (samples[i] as number) ** 2;
  return sum;
}

/** A loop of its own: `every` calls a function for each sample. */
function areFinite(samples: Float32Array): boolean {
  for (let i = 0; i < samples.length; i++) if (!Number.isFinite(samples[i] as number)) return false;
  return true;
}
