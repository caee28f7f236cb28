/** What a mono signal is made of: the mean of all channels, the first, or the second. */
export type ChannelChoice = 'mix' | 'left' | 'right';

/**
 * Makes one channel of several. NaN and infinite samples count as 0.
 *
 * @returns `samples`, which may be the very channel, and `hasNonFinite` if a sample was replaced
 */
export function toMono(
  channels: readonly Float32Array[],
  choice: ChannelChoice,
): { samples: Float32Array; hasNonFinite: boolean } {
  const [left = new Float32Array(0), right = left] = channels;
  const chosen = choice === 'mix' ? channels : [choice === 'left' ? left : right];
  const hasNonFinite = chosen.some((samples) => !areFinite(samples));
  const finite = hasNonFinite ? chosen.map((samples) => samples.map((x) => (Number.isFinite(x) ? x : 0))) : chosen;
  const [only = left] = finite;
  if (finite.length <= 1) return { samples: only, hasNonFinite };
  const samples = new Float32Array(left.length);
  for (let i = 0; i < samples.length; i++) {
    let sum = 0;
    for (const channel of finite) sum += channel[i] as number;
    samples[i] = sum / finite.length;
  }
  return { samples, hasNonFinite };
}

/** A loop of its own: `every` calls a function for each sample. */
function areFinite(samples: Float32Array): boolean {
  for (let i = 0; i < samples.length; i++) if (!Number.isFinite(samples[i] as number)) return false;
  return true;
}
