/** One butterfly pass: `count` butterflies of `radix` points, each over `stride` interleaved sequences. */
interface FftPass {
  readonly radix: 4 | 5;
  readonly count: number;
  readonly stride: number;
  /** Per butterfly, its radix - 1 twiddle factors as (re, im) pairs. */
  readonly twiddles: Float64Array;
}

/** Tables and working memory of {@link fft} for one length. Holds scratch space: one transform at a time. */
export interface FftPlan {
  readonly length: number;
  readonly passes: readonly FftPass[];
  readonly scratchRe: Float64Array;
  readonly scratchIm: Float64Array;
}

/**
 * Prepares transforms of `length` points.
 *
 * @param length - a product of fours and fives (Whisper's 400 = 4·4·5·5)
 * @throws RangeError for any other length
 */
export function planFft(length: number): FftPlan {
  const passes: FftPass[] = [];
  for (let remaining = length, stride = 1; remaining !== 1; ) {
    const radix = remaining % 4 === 0 ? 4 : 5;
    const count = remaining / radix;
    if (!Number.isInteger(count) || count < 1) throw new RangeError(`FFT length ${length} is not 4^a · 5^b`);
    passes.push({ radix, count, stride, twiddles: twiddlesOf(radix, count) });
    remaining = count;
    stride *= radix;
  }
  return { length, passes, scratchRe: new Float64Array(length), scratchIm: new Float64Array(length) };
}

function twiddlesOf(radix: number, count: number): Float64Array {
  const twiddles = new Float64Array(2 * (radix - 1) * count);
  let at = 0;
  for (let p = 0; p < count; p++) {
    for (let j = 1; j < radix; j++) {
      const angle = (-2 * Math.PI * p * j) / (radix * count);
      twiddles[at++] = Math.cos(angle);
      twiddles[at++] = Math.sin(angle);
    }
  }
  return twiddles;
}

/**
 * Forward discrete Fourier transform in place, unscaled: X[k] = Σ x[n]·exp(-2πi·kn/length).
 *
 * Stockham's form of Cooley-Tukey: each pass writes its results in their final order to the other buffer, so there is
 * no digit reversal.
 *
 * @param re - real parts, `plan.length` values
 * @param im - imaginary parts, likewise
 */
export function fft(plan: FftPlan, re: Float64Array, im: Float64Array): void {
  let fromRe = re;
  let fromIm = im;
  let toRe = plan.scratchRe;
  let toIm = plan.scratchIm;
  for (const pass of plan.passes) {
    if (pass.radix === 4) radix4(pass, fromRe, fromIm, toRe, toIm);
    else radix5(pass, fromRe, fromIm, toRe, toIm);
    const freeRe = fromRe;
    const freeIm = fromIm;
    fromRe = toRe;
    fromIm = toIm;
    toRe = freeRe;
    toIm = freeIm;
  }
  if (fromRe !== re) {
    re.set(fromRe);
    im.set(fromIm);
  }
}

function radix4(pass: FftPass, xRe: Float64Array, xIm: Float64Array, yRe: Float64Array, yIm: Float64Array): void {
  const { count, stride, twiddles } = pass;
  const apart = count * stride;
  for (let p = 0, t = 0; p < count; p++, t += 6) {
    const w1r = twiddles[t] as number;
    const w1i = twiddles[t + 1] as number;
    const w2r = twiddles[t + 2] as number;
    const w2i = twiddles[t + 3] as number;
    const w3r = twiddles[t + 4] as number;
    const w3i = twiddles[t + 5] as number;
    let to = 4 * p * stride;
    for (let from = p * stride; from < (p + 1) * stride; from++, to++) {
      const ar = xRe[from] as number;
      const ai = xIm[from] as number;
      const br = xRe[from + apart] as number;
      const bi = xIm[from + apart] as number;
      const cr = xRe[from + 2 * apart] as number;
      const ci = xIm[from + 2 * apart] as number;
      const dr = xRe[from + 3 * apart] as number;
      const di = xIm[from + 3 * apart] as number;
      const acR = ar + cr;
      const acI = ai + ci;
      const bdR = br + dr;
      const bdI = bi + di;
      const acDiffR = ar - cr;
      const acDiffI = ai - ci;
      const bdDiffR = br - dr;
      const bdDiffI = bi - di;
      yRe[to] = acR + bdR;
      yIm[to] = acI + bdI;
      // The odd outputs take b - d by a quarter turn: -i times it is (im, -re).
      const y1r = acDiffR + bdDiffI;
      const y1i = acDiffI - bdDiffR;
      const y2r = acR - bdR;
      const y2i = acI - bdI;
      const y3r = acDiffR - bdDiffI;
      const y3i = acDiffI + bdDiffR;
      yRe[to + stride] = y1r * w1r - y1i * w1i;
      yIm[to + stride] = y1r * w1i + y1i * w1r;
      yRe[to + 2 * stride] = y2r * w2r - y2i * w2i;
      yIm[to + 2 * stride] = y2r * w2i + y2i * w2r;
      yRe[to + 3 * stride] = y3r * w3r - y3i * w3i;
      yIm[to + 3 * stride] = y3r * w3i + y3i * w3r;
    }
  }
}

const cos1 = Math.cos((2 * Math.PI) / 5);
const cos2 = Math.cos((4 * Math.PI) / 5);
const sin1 = Math.sin((2 * Math.PI) / 5);
const sin2 = Math.sin((4 * Math.PI) / 5);

function radix5(pass: FftPass, xRe: Float64Array, xIm: Float64Array, yRe: Float64Array, yIm: Float64Array): void {
  const { count, stride, twiddles } = pass;
  const apart = count * stride;
  for (let p = 0, t = 0; p < count; p++, t += 8) {
    const w1r = twiddles[t] as number;
    const w1i = twiddles[t + 1] as number;
    const w2r = twiddles[t + 2] as number;
    const w2i = twiddles[t + 3] as number;
    const w3r = twiddles[t + 4] as number;
    const w3i = twiddles[t + 5] as number;
    const w4r = twiddles[t + 6] as number;
    const w4i = twiddles[t + 7] as number;
    let to = 5 * p * stride;
    for (let from = p * stride; from < (p + 1) * stride; from++, to++) {
      const ar = xRe[from] as number;
      const ai = xIm[from] as number;
      const br = xRe[from + apart] as number;
      const bi = xIm[from + apart] as number;
      const cr = xRe[from + 2 * apart] as number;
      const ci = xIm[from + 2 * apart] as number;
      const dr = xRe[from + 3 * apart] as number;
      const di = xIm[from + 3 * apart] as number;
      const er = xRe[from + 4 * apart] as number;
      const ei = xIm[from + 4 * apart] as number;
      // b and e mirror each other, and c and d: sums meet the cosines, differences the sines.
      const beR = br + er;
      const beI = bi + ei;
      const cdR = cr + dr;
      const cdI = ci + di;
      const even1R = ar + cos1 * beR + cos2 * cdR;
      const even1I = ai + cos1 * beI + cos2 * cdI;
      const even2R = ar + cos2 * beR + cos1 * cdR;
      const even2I = ai + cos2 * beI + cos1 * cdI;
      const odd1R = sin1 * (bi - ei) + sin2 * (ci - di);
      const odd1I = sin1 * (er - br) + sin2 * (dr - cr);
      const odd2R = sin2 * (bi - ei) - sin1 * (ci - di);
      const odd2I = sin2 * (er - br) - sin1 * (dr - cr);
      const y1r = even1R + odd1R;
      const y1i = even1I + odd1I;
      const y2r = even2R + odd2R;
      const y2i = even2I + odd2I;
      const y3r = even2R - odd2R;
      const y3i = even2I - odd2I;
      const y4r = even1R - odd1R;
      const y4i = even1I - odd1I;
      yRe[to] = ar + beR + cdR;
      yIm[to] = ai + beI + cdI;
      yRe[to + stride] = y1r * w1r - y1i * w1i;
      yIm[to + stride] = y1r * w1i + y1i * w1r;
      yRe[to + 2 * stride] = y2r * w2r - y2i * w2i;
      yIm[to + 2 * stride] = y2r * w2i + y2i * w2r;
      yRe[to + 3 * stride] = y3r * w3r - y3i * w3i;
      yIm[to + 3 * stride] = y3r * w3i + y3i * w3r;
      yRe[to + 4 * stride] = y4r * w4r - y4i * w4i;
      yIm[to + 4 * stride] = y4r * w4i + y4i * w4r;
    }
  }
}
