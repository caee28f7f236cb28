/**
 * What it may cost to read frames and pages that turn out to be none. Wherever one seems to begin, all of it must be read
 * to know; where thousands seem to begin inside one another, that is the square of their number. Real damage has one or two
 * such places, so what they may cost is in proportion to the bytes passed over, and beyond that they are not tried.
 */
export interface TrialBudget {
  /** whether another trial may be made */
  readonly isLeft: boolean;
  /** Counts a trial that failed, in samples or bytes that it looked at. */
  spend(cost: number): void;
  /** Counts bytes that were passed over, read well or badly. */
  earn(nBytes: number): void;
}

/** A thousand damaged frames of silence, which are the costliest for their size. */
const initialCost = 2 ** 23;
/** A frame that is compressed to an eighth of its samples may be damaged every time. */
const costPerByte = 16;

export function createTrialBudget(): TrialBudget {
  let left = initialCost;
  return {
    get isLeft() {
      return left > 0;
    },
    spend(cost) {
      left -= cost;
    },
    earn(nBytes) {
      left += costPerByte * nBytes;
    },
  };
}
