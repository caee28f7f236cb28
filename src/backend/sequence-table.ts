import type { Step, TextStep } from './backend.ts';

/** A text as its rows in the cache, which it may share with others up to where they branched. */
interface Text {
  readonly window: number;
  /** Rows of its tokens, in their order. */
  readonly rows: readonly number[];
}

/** What a step appends to the cache: new row i is token `tokens[i]`, text by text. */
export interface RowPlan {
  readonly tokens: Int32Array;
  /** Places of the tokens in their texts. */
  readonly positions: Int32Array;
  /** New rows per text. */
  readonly width: number;
  /** Rows of the cache that each new row's text had before, in order. */
  readonly pastRows: readonly (readonly number[])[];
  readonly texts: readonly Text[];
}

export interface TextLimits {
  readonly nTextCtx: number;
  readonly nVocab: number;
}

/**
 * Which rows of a cache belong to which text. The cache is a log: rows are only ever appended, and a text is the list of
 * its rows, so that texts branch and end without a copy.
 */
export class SequenceTable {
  readonly #limits: TextLimits;
  #texts: readonly Text[];
  #rowCount = 0;

  /** @param windows over each of them one empty text begins */
  constructor(windows: number, limits: TextLimits) {
    this.#limits = limits;
    this.#texts = Array.from({ length: windows }, (_, window) => ({ window, rows: [] }));
  }

  /** Rows in the cache. */
  get rowCount(): number {
    return this.#rowCount;
  }

  /** Works a step out and changes nothing yet. @throws RangeError for what no step can be */
  plan({ tokens, sources = tokens.map((_, i) => i) }: TextStep): RowPlan {
    const { nTextCtx, nVocab } = this.#limits;
    const width = tokens[0]?.length ?? 0;
    if (width === 0) throw new RangeError('there is no token to append');
    const before = tokens.map((added, i) => {
      const text = this.#texts[sources[i] ?? -1];
      if (text === undefined) throw new RangeError(`there is no text ${sources[i]}`);
      if (added.length !== width) throw new RangeError('texts of a step get the same number of tokens');
      const length = text.rows.length + width;
      if (length > nTextCtx) throw new RangeError(`${length} tokens exceed the model's ${nTextCtx}`);
      return text;
    });
    this.#checkWindows(before);
    const all = Int32Array.from(tokens.flat());
    const invalidToken = all.find((token) => !(token >= 0 && token < nVocab));
    if (invalidToken !== undefined) throw new RangeError(`the model's ${nVocab} tokens do not include ${invalidToken}`);
    return {
      tokens: all,
      positions: Int32Array.from(all, (_, i) => (before[Math.floor(i / width)]?.rows.length ?? 0) + (i % width)),
      width,
      pastRows: before.map(({ rows }) => rows),
      texts: before.map(({ window, rows }, i) => {
        const first = this.#rowCount + i * width;
        return { window, rows: [...rows, ...Array.from({ length: width }, (_, j) => first + j)] };
      }),
    };
  }

  /** The step has been done. */
  commit(plan: RowPlan): void {
    this.#texts = plan.texts;
    this.#rowCount += plan.tokens.length;
  }

  /** Shortens texts to so many tokens; the rows behind them stay in the cache, and belong to nobody. */
  cut(lengths: readonly number[]): void {
    this.#texts = this.#texts.map(({ window, rows }, i) => ({ window, rows: rows.slice(0, lengths[i]) }));
  }

  /** How many tokens each text has. */
  get lengths(): readonly number[] {
    return this.#texts.map(({ rows }) => rows.length);
  }

  /** A step's rows are handed to the windows in equal shares. */
  #checkWindows(texts: readonly Text[]): void {
    const windows = new Set(this.#texts.map(({ window }) => window));
    const perWindow = texts.length / windows.size;
    const order = [...windows].sort((a, b) => a - b);
    const isInOrder = texts.every(({ window }, i) => window === order[Math.floor(i / perWindow)]);
    if (!Number.isInteger(perWindow) || !isInOrder)
      throw new RangeError('texts of a step stand in the order of their windows, as many for each');
  }
}

/** From which new token of each text on logits are asked for. @throws RangeError where there is no such token */
export function firstLogitRow(
  { width }: Pick<RowPlan, 'width'>,
  { logitsFrom = width - 1 }: Pick<Step, 'logitsFrom'>,
): number {
  if (Number.isInteger(logitsFrom) && logitsFrom >= 0 && logitsFrom < width) return logitsFrom;
  throw new RangeError(`there are no logits behind token ${logitsFrom} of ${width}`);
}

/** Those of a step's new rows whose logits are asked for, in order. */
export function logitRows({ texts, width }: RowPlan, logitsFrom: number): number[] {
  return texts.flatMap((_, text) =>
    Array.from({ length: width - logitsFrom }, (_, i) => text * width + logitsFrom + i),
  );
}

/** Added to a score, it takes the weight of a row to exactly 0 in f32 without making NaN of a full row. */
const invisible = -1e9;

/**
 * What the new rows of a step may look at: the rows of their own text before them, and themselves.
 *
 * @param pastRowCount rows in the cache before the step
 * @returns f32 [new rows, pastRowCount + new rows], 0 or -1e9
 */
export function visibilityBias({ tokens, width, pastRows }: RowPlan, pastRowCount: number): Float32Array {
  const total = pastRowCount + tokens.length;
  const bias = new Float32Array(tokens.length * total).fill(invisible);
  for (let row = 0; row < tokens.length; row++) {
    const text = Math.floor(row / width);
    const start = row * total;
    for (const past of pastRows[text] ?? []) bias[start + past] = 0;
    const first = start + pastRowCount + text * width;
    bias.fill(0, first, first + (row % width) + 1);
  }
  return bias;
}
