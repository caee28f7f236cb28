import { chartWidth, figure, label, seriesClass } from './figure.ts';
import { type Markup, markup } from './markup.ts';
import { quantile } from './quantile.ts';
import { niceTicks, px, scaleTo, shortNumber } from './scale.ts';

export interface StripChart {
  readonly title: string;
  readonly description: string;
  /** Of all values, written behind the numbers of every row's axis, such as 'ms'. */
  readonly unit: string;
  readonly rows: readonly { readonly label: string; readonly values: readonly number[] }[];
}

const left = 130;
const right = chartWidth - 70;
const rowHeight = 64;

/** More dots than this on a row hide each other and make a page of megabytes. */
const maxDots = 400;

/**
 * How values spread, a row each: values as dots (of very many, some at even ranks), a box from P25 to P75, a line at the median. Each row has an axis of
 * its own, because a stage of 5 ms would be a point on that of one of 500.
 */
export function stripChart({ title, description, unit, rows }: StripChart): Markup {
  const drawn = rows.map(({ label: name, values }) => ({ name, values: values.filter(Number.isFinite) }));
  const filled = drawn.filter(({ values }) => values.length > 0);
  const drawing = filled.map(({ name, values }, index) => strip(name, values, { unit, index }));
  return figure({ title, description, height: Math.max(1, filled.length) * rowHeight + 4, drawing });
}

function strip(name: string, values: readonly number[], { unit, index }: { unit: string; index: number }): Markup {
  const top = index * rowHeight;
  const middle = top + 22;
  const foot = top + 42;
  const ticks = niceTicks(values, { about: 6 });
  const x = scaleTo(ticks, left, right);
  const sorted = [...values].sort((a, b) => a - b);
  const [low, median, high] = [0.25, 0.5, 0.75].map((share) => x(quantile(sorted, share)));
  const dots = thinned(values, sorted).map((value, i) => {
    const spread = (((i * 7) % 11) - 5) * 1.7; // so that equal values do not hide each other
    return markup`<circle class="dot" cx="${px(x(value))}" cy="${px(middle + spread)}" r="3"><title>${`${shortNumber(value)} ${unit}`}</title></circle>
`;
  });
  return markup`<g class="${seriesClass(0)}">
${label(name, { x: 0, y: middle + 4, maxLength: 18 })}<line class="axis" x1="${left}" x2="${right}" y1="${foot}" y2="${foot}"/>
${ticks.values.map((tick) => markup`<line class="axis" x1="${px(x(tick))}" x2="${px(x(tick))}" y1="${foot}" y2="${foot + 4}"/><text class="muted middle" x="${px(x(tick))}" y="${foot + 16}">${ticks.format(tick)}</text>`)}
<text class="muted" x="${right + 24}" y="${foot + 16}">${unit}</text>
<rect class="band" x="${px(low ?? 0)}" y="${middle - 13}" width="${px(Math.max(1, (high ?? 0) - (low ?? 0)))}" height="26" rx="2"/>
${dots}<line class="stroke" x1="${px(median ?? 0)}" x2="${px(median ?? 0)}" y1="${middle - 15}" y2="${middle + 15}"/>
</g>
`;
}

function thinned(values: readonly number[], sorted: readonly number[]): readonly number[] {
  if (values.length <= maxDots) return values;
  return Array.from({ length: maxDots }, (_, i) => sorted[Math.round((i * (sorted.length - 1)) / (maxDots - 1))] ?? 0);
}
