/** The textbook forms that the fast code must equal: everything in f64, nothing sparse, nothing shared with src. */

export function naiveDft(re: ArrayLike<number>, im: ArrayLike<number>): { re: number[]; im: number[] } {
  const n = re.length;
  const out = { re: new Array<number>(n).fill(0), im: new Array<number>(n).fill(0) };
  for (let k = 0; k < n; k++) {
    for (let i = 0; i < n; i++) {
      const angle = (-2 * Math.PI * ((k * i) % n)) / n;
      out.re[k]! += re[i]! * Math.cos(angle) - im[i]! * Math.sin(angle);
      out.im[k]! += re[i]! * Math.sin(angle) + im[i]! * Math.cos(angle);
    }
  }
  return out;
}

/** [nMels][201] weights at 16 kHz as `librosa.filters.mel` defines them: two ramps, the lower one counts. */
export function naiveMelFilters(nMels: number): number[][] {
  const topMel = 15 + (27 * Math.log(8)) / Math.log(6.4);
  const edges = Array.from({ length: nMels + 2 }, (_, i) => {
    const mel = (topMel * i) / (nMels + 1);
    return mel < 15 ? (mel * 200) / 3 : 1000 * 6.4 ** ((mel - 15) / 27);
  });
  return Array.from({ length: nMels }, (_, m) => {
    const [low, peak, high] = [edges[m]!, edges[m + 1]!, edges[m + 2]!];
    return Array.from({ length: 201 }, (_, bin) => {
      const rise = (bin * 40 - low) / (peak - low);
      const fall = (high - bin * 40) / (high - peak);
      return (Math.max(0, Math.min(rise, fall)) * 2) / (high - low);
    });
  });
}

/** log10 mel energies of one frame of the samples padded with zeros to `paddedLength` and reflected at both ends. */
export function naiveEnergies(samples: Float32Array, nMels: number, frame: number, paddedLength: number): number[] {
  const windowed = Array.from({ length: 400 }, (_, i) => {
    const at = frame * 160 - 200 + i;
    const inside = at < 0 ? -at : at < paddedLength ? at : 2 * paddedLength - 2 - at;
    return (samples[inside] ?? 0) * (0.5 - 0.5 * Math.cos((2 * Math.PI * i) / 400));
  });
  const spectrum = naiveDft(windowed, new Float64Array(400));
  return naiveMelFilters(nMels).map((weights) => {
    const energy = weights.reduce((sum, w, k) => sum + w * (spectrum.re[k]! ** 2 + spectrum.im[k]! ** 2), 0);
    return Math.log10(Math.max(energy, 1e-10));
  });
}
