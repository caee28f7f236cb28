import { chartWidth, figure, label, seriesClass } from './figure.ts';
import { type Markup, markup } from './markup.ts';
import { niceTicks, px, scaleTo, shortNumber, type Ticks } from './scale.ts';

export interface Series {
  readonly label: string;
  /** In ascending x; those with a y that is not finite leave a gap. `low` and `high` draw a band around the line. */
  readonly points: readonly { readonly x: number; readonly y: number; readonly low?: number; readonly high?: number }[];
}

export interface LineChart {
  readonly title: string;
  readonly description: string;
  readonly xLabel: string;
  readonly yLabel: string;
  readonly series: readonly Series[];
  /** A value of y that means something, such as a threshold. */
  readonly limit?: { readonly at: number; readonly label: string };
  /** Whether the y axis begins at 0; it does by default. */
  readonly fromZero?: boolean;
}

type Point = Series['points'][number];
type Scale = (value: number) => number;
interface LineScales {
  readonly x: Scale;
  readonly y: Scale;
  /** Whether points say their value. */
  readonly hasTargets: boolean;
}

const left = 64;
const right = chartWidth - 14;
const top = 26;
const bottom = 236;
const legendHeight = 20;
const legendColumns = 3;

/** Up to this many points say their value to who points at them; more would make a page of megabytes. */
const maxTargets = 2000;

/** Values over a position, a line per series. */
export function lineChart(chart: LineChart): Markup {
  const { title, description, series, limit, fromZero = true } = chart;
  const points = series.flatMap((one) => one.points);
  const extremes = points.flatMap(({ y, low = y, high = y }) => [y, low, high]);
  const xTicks = niceTicks(
    points.map(({ x }) => x),
    { about: 9 },
  );
  const yTicks = niceTicks(limit === undefined ? extremes : [...extremes, limit.at], { fromZero });
  const x = scaleTo(xTicks, left, right);
  const y = scaleTo(yTicks, bottom, top);
  const hasTargets = points.length <= maxTargets;
  const legend = series.length < 2 ? [] : series.map(legendEntry);
  const drawing = [
    axes(chart, { xTicks, yTicks, x, y }),
    ...series.map((one, index) => line(one, index, { x, y, hasTargets })),
    limit === undefined ? undefined : limitLine(limit, y),
    ...legend,
  ];
  const legendRows = Math.ceil(legend.length / legendColumns);
  return figure({ title, description, height: bottom + 44 + legendRows * legendHeight, drawing });
}

function axes(
  { xLabel, yLabel }: LineChart,
  { xTicks, yTicks, x, y }: { xTicks: Ticks; yTicks: Ticks; x: Scale; y: Scale },
): Markup {
  const rows = yTicks.values.map(
    (tick) =>
      markup`<line class="grid" x1="${left}" x2="${right}" y1="${px(y(tick))}" y2="${px(y(tick))}"/><text class="muted end" x="${left - 8}" y="${px(y(tick) + 4)}">${yTicks.format(tick)}</text>
`,
  );
  const columns = xTicks.values.map(
    (tick) => markup`<text class="muted middle" x="${px(x(tick))}" y="${bottom + 18}">${xTicks.format(tick)}</text>
`,
  );
  return markup`${rows}<line class="axis" x1="${left}" x2="${right}" y1="${bottom}" y2="${bottom}"/>
${columns}<text class="muted" x="0" y="12">${yLabel}</text><text class="muted end" x="${right}" y="${bottom + 36}">${xLabel}</text>
`;
}

function line({ label: name, points }: Series, index: number, { x, y, hasTargets }: LineScales): Markup {
  const pieces = unbroken(points);
  const path = (piece: readonly Point[], value: (point: Point) => number) =>
    piece.map((point) => `${px(x(point.x))},${px(y(value(point)))}`).join(' ');
  const bands = pieces
    .filter((piece) => piece.some(({ low, high }) => low !== undefined || high !== undefined))
    .map((piece) => {
      const upper = path(piece, (point) => point.high ?? point.y);
      const lower = path([...piece].reverse(), (point) => point.low ?? point.y);
      return markup`<polygon class="band" points="${upper} ${lower}"/>\n`;
    });
  const lines = pieces.map((piece) =>
    piece.length === 1
      ? markup`<circle class="fill" cx="${px(x(piece[0]?.x ?? 0))}" cy="${px(y(piece[0]?.y ?? 0))}" r="3"/>\n`
      : markup`<polyline class="stroke" points="${path(piece, (point) => point.y)}"/>\n`,
  );
  const targets = (hasTargets ? pieces.flat() : []).map(
    (point) =>
      markup`<circle cx="${px(x(point.x))}" cy="${px(y(point.y))}" r="5" fill="transparent"><title>${`${name}, ${point.x}: ${shortNumber(point.y)}`}</title></circle>
`,
  );
  return markup`<g class="${seriesClass(index)}">\n${bands}${lines}${targets}</g>\n`;
}

/** Cuts a line where a value is missing. */
function unbroken(points: readonly Point[]): Point[][] {
  const pieces: Point[][] = [[]];
  for (const point of points) {
    if (Number.isFinite(point.y) && Number.isFinite(point.x)) pieces.at(-1)?.push(point);
    else if (pieces.at(-1)?.length !== 0) pieces.push([]);
  }
  return pieces.filter((piece) => piece.length > 0);
}

function limitLine(limit: { readonly at: number; readonly label: string }, y: Scale): Markup {
  const at = y(limit.at);
  return markup`<line class="limit" x1="${left}" x2="${right}" y1="${px(at)}" y2="${px(at)}"/><text class="limit-label end" x="${right}" y="${px(at - 5)}">${limit.label}</text>
`;
}

function legendEntry({ label: name }: Series, index: number): Markup {
  const width = (right - left) / legendColumns;
  const x = left + (index % legendColumns) * width;
  const y = bottom + 54 + Math.floor(index / legendColumns) * legendHeight;
  return markup`<g class="${seriesClass(index)}"><line class="stroke" x1="${px(x)}" x2="${px(x + 18)}" y1="${y - 4}" y2="${y - 4}"/></g>
${label(name, { x: x + 24, y, maxLength: 26 })}`;
}
