import { chartWidth, figure, label, seriesClass } from './figure.ts';
import { type Markup, markup } from './markup.ts';
import { niceTicks, px, scaleTo, shortNumber } from './scale.ts';

export interface BarChart {
  readonly title: string;
  readonly description: string;
  /** Of all values, written behind each. */
  readonly unit: string;
  /** Values of 0 and more; others are named and have no bar. `text` is what to write instead of the value. */
  readonly items: readonly { readonly label: string; readonly value: number; readonly text?: string }[];
  /** Where the axis ends, such as 100 for shares in %; by default at the greatest value. */
  readonly max?: number;
  /** A value that means something, such as a threshold. */
  readonly limit?: { readonly at: number; readonly label: string };
}

const left = 200;
const right = chartWidth - 96;
const top = 20;
const rowHeight = 26;

/** One bar per item, from 0. */
export function barChart({ title, description, unit, items, max, limit }: BarChart): Markup {
  const values = [...items.map(({ value }) => value), ...[max, limit?.at].filter((value) => value !== undefined)];
  const ticks = niceTicks(values, { fromZero: true });
  const x = scaleTo(ticks, left, right);
  const bottom = top + items.length * rowHeight;
  const grid = ticks.values.map(
    (tick) =>
      markup`<line class="grid" x1="${px(x(tick))}" x2="${px(x(tick))}" y1="${top}" y2="${bottom}"/><text class="muted middle" x="${px(x(tick))}" y="${bottom + 16}">${ticks.format(tick)}</text>
`,
  );
  const bars = items.map(({ label: name, value, text = `${shortNumber(value)} ${unit}`.trim() }, i) => {
    const y = top + i * rowHeight;
    const width = Number.isFinite(value) ? Math.max(0, x(value) - left) : 0;
    return markup`${label(name, { x: 0, y: y + 17, maxLength: 28 })}<rect class="fill" x="${left}" y="${y + 4}" width="${px(width)}" height="${rowHeight - 8}" rx="2"/><text x="${px(left + width + 6)}" y="${y + 17}">${text}</text>
`;
  });
  const mark = limit === undefined ? undefined : limitLine(x(limit.at), limit.label, bottom);
  const unitLabel = markup`<text class="muted" x="${right + 28}" y="${bottom + 16}">${unit}</text>\n`;
  const drawing = markup`${grid}<g class="${seriesClass(0)}">\n${bars}</g>\n${mark}${unitLabel}`;
  return figure({ title, description, height: bottom + 24, drawing });
}

function limitLine(at: number, name: string, bottom: number): Markup {
  return markup`<line class="limit" x1="${px(at)}" x2="${px(at)}" y1="${top - 4}" y2="${bottom}"/><text class="limit-label end" x="${px(at - 5)}" y="12">${name}</text>
`;
}
