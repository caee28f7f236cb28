import type { WindowComparison } from './window.ts';

/** What many positions come down to. */
export interface Figures {
  readonly positions: number;
  /** Over all tokens of all positions. */
  readonly maxProbabilityDifferencePercent: number;
  readonly meanMaxProbabilityDifferencePercent: number;
  readonly minCosine: number;
  readonly meanCosine: number;
  readonly maxKlDivergence: number;
  readonly meanKlDivergence: number;
  /** Share of positions where both sides find the same token likeliest. */
  readonly top1Agreement: number;
  /** The worst place that a token of the reference has on the tested side; 1 is the best. */
  readonly worstRank: number;
  /** Free-running: share of places with the same token, of the longer text's places. */
  readonly tokenMatch: number;
  /** Whether both sides write the very same tokens. */
  readonly isExact: boolean;
  /** Undefined where encoder outputs could not be compared. */
  readonly encoder: { readonly maxAbs: number; readonly minCosine: number } | undefined;
}

/** @param windows at least one */
export function figuresOf(windows: readonly WindowComparison[]): Figures {
  const positions = windows.flatMap((window) => window.positions);
  const differences = positions.map((position) => position.maxProbabilityDifferencePercent);
  const cosines = positions.map(({ cosine }) => cosine);
  const divergences = positions.map(({ klDivergence }) => klDivergence);
  const encoders = windows.map(({ encoder }) => encoder).filter((encoder) => encoder !== undefined);
  const texts = windows.map(({ reference, tested }) => matchTokens(reference.tokens, tested.tokens));
  const places = sum(texts.map(({ places }) => places));
  return {
    positions: positions.length,
    maxProbabilityDifferencePercent: largest(differences),
    meanMaxProbabilityDifferencePercent: mean(differences),
    minCosine: smallest(cosines),
    meanCosine: mean(cosines),
    maxKlDivergence: largest(divergences),
    meanKlDivergence: mean(divergences),
    top1Agreement: mean(positions.map(({ sameTop1 }) => (sameTop1 ? 1 : 0))),
    worstRank: largest(positions.map(({ rank }) => rank)),
    tokenMatch: places === 0 ? 1 : sum(texts.map(({ same }) => same)) / places,
    isExact: texts.every(({ places, same }) => places === same),
    encoder:
      encoders.length < windows.length
        ? undefined
        : {
            maxAbs: largest(encoders.map(({ maxAbs }) => maxAbs)),
            minCosine: smallest(encoders.map(({ cosine }) => cosine)),
          },
  };
}

/** Whether the tested side is as close as asked for. Figures that are no numbers are not. */
export function passes({ positions, maxProbabilityDifferencePercent }: Figures, thresholdPercent: number): boolean {
  return positions > 0 && maxProbabilityDifferencePercent < thresholdPercent;
}

function matchTokens(reference: readonly number[], tested: readonly number[]): { places: number; same: number } {
  const same = reference.filter((token, i) => token === tested[i]).length;
  return { places: Math.max(reference.length, tested.length), same };
}

// Math.max and Math.min keep a NaN; lists may be longer than a call takes arguments.
const largest = (values: readonly number[]) => values.reduce((a, b) => Math.max(a, b), Number.NEGATIVE_INFINITY);
const smallest = (values: readonly number[]) => values.reduce((a, b) => Math.min(a, b), Number.POSITIVE_INFINITY);
const sum = (values: readonly number[]) => values.reduce((a, b) => a + b, 0);
const mean = (values: readonly number[]) => sum(values) / values.length;
