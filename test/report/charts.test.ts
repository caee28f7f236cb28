import { describe, expect, test } from 'vitest';
import { barChart } from '../../src/report/bar-chart.ts';
import { lineChart } from '../../src/report/line-chart.ts';
import { stripChart } from '../../src/report/strip-chart.ts';

const named = { title: 'Latency & more', description: 'what <it> shows' };
const count = (text: string, pattern: RegExp) => text.match(pattern)?.length ?? 0;

/** Every number a drawing is made of. A chart that met a gap or a NaN must not pass it on. */
function expectDrawable(svg: string) {
  expect(svg).not.toMatch(/NaN|Infinity|undefined|null/);
  expect(svg).toContain('role="img" aria-label="Latency &amp; more. what &lt;it&gt; shows"');
}

describe('stripChart', () => {
  test('draws a dot per value and a median line per row, and leaves empty rows out', () => {
    const rows = [
      { label: 'load', values: [900, 950, 1000] },
      { label: 'features', values: [5, 5.2, 7] },
      { label: 'nothing', values: [] },
    ];
    const svg = stripChart({ ...named, unit: 'ms', rows }).toString();
    expectDrawable(svg);
    expect(count(svg, /class="dot"/g)).toBe(6);
    expect(count(svg, /class="stroke"/g)).toBe(2);
    expect(svg).toContain('5.200 ms');
    expect(svg).not.toContain('nothing');
  });

  test('the median stands where its value is', () => {
    const svg = stripChart({ ...named, unit: 'ms', rows: [{ label: 'a', values: [0, 1, 2, 3, 4] }] }).toString();
    const median = /class="stroke" x1="([\d.]+)"/.exec(svg)?.[1];
    const dots = [...svg.matchAll(/class="dot" cx="([\d.]+)"/g)].map((match) => match[1]);
    expect(median).toBe(dots[2]);
  });

  test('of very many values shows some, the least and the greatest among them', () => {
    const values = Array.from({ length: 9000 }, (_, i) => ((i * 7919) % 9000) + 1);
    const svg = stripChart({ ...named, unit: 'ms', rows: [{ label: 'a', values }] }).toString();
    expect(count(svg, /class="dot"/g)).toBe(400);
    expect(svg).toContain('<title>1 ms</title>');
    expect(svg).toContain('<title>9000 ms</title>');
  });

  test('equal values, a single one and none can be drawn', () => {
    for (const values of [[3, 3, 3], [3], []]) {
      expectDrawable(stripChart({ ...named, unit: 'ms', rows: [{ label: 'a', values }] }).toString());
    }
  });
});

describe('lineChart', () => {
  const chart = { ...named, xLabel: 'position', yLabel: '%' };
  const points = (ys: readonly number[]) => ys.map((y, x) => ({ x, y }));

  test('draws a line per series, with a legend from two on', () => {
    const one = lineChart({ ...chart, series: [{ label: 'a.wav', points: points([1, 2, 3]) }] }).toString();
    expectDrawable(one);
    expect(count(one, /<polyline/g)).toBe(1);
    const two = lineChart({
      ...chart,
      series: ['a.wav', 'b.wav'].map((label) => ({ label, points: points([1, 2, 3]) })),
    }).toString();
    expect(count(two, /<polyline/g)).toBe(2);
    expect(two).toContain('>b.wav</text>');
  });

  test('a value that is missing leaves a gap; one alone is a dot', () => {
    const svg = lineChart({ ...chart, series: [{ label: 'a', points: points([1, 2, Number.NaN, 4]) }] }).toString();
    expectDrawable(svg);
    expect(count(svg, /<polyline/g)).toBe(1);
    expect(count(svg, /<circle class="fill"/g)).toBe(1);
  });

  test('shows a band and a limit, within the axes', () => {
    const series = [{ label: 'a', points: points([1, 2]).map((point) => ({ ...point, low: 0.5, high: 9 })) }];
    const svg = lineChart({ ...chart, series, limit: { at: 12, label: 'threshold' } }).toString();
    expectDrawable(svg);
    expect(svg).toContain('class="band"');
    expect(svg).toContain('threshold');
    const ys = [...svg.matchAll(/ y[12]="([\d.-]+)"/g)].map((match) => Number(match[1]));
    expect(Math.min(...ys)).toBeGreaterThanOrEqual(20);
  });

  test('says the value of each point, unless there are very many', () => {
    const svg = (length: number) =>
      lineChart({ ...chart, series: [{ label: 'a', points: points(Array(length).fill(1)) }] }).toString();
    expect(count(svg(2000), /<title>/g)).toBe(2000);
    expect(count(svg(2001), /<title>/g)).toBe(0);
  });

  test('nothing at all can be drawn', () => {
    expectDrawable(lineChart({ ...chart, series: [] }).toString());
  });
});

describe('barChart', () => {
  test('bars are as long as their values and end with them', () => {
    const items = [
      { label: 'a.wav', value: 50 },
      { label: 'b.wav', value: 100, text: 'all' },
    ];
    const svg = barChart({ ...named, unit: '%', items, max: 100 }).toString();
    expectDrawable(svg);
    const widths = [...svg.matchAll(/class="fill"[^>]* width="([\d.]+)"/g)].map((match) => Number(match[1]));
    expect(widths[1]).toBeCloseTo(2 * (widths[0] ?? 0), 0);
    expect(svg).toContain('>50 %</text>');
    expect(svg).toContain('>all</text>');
  });

  test('a value that is none has no bar, and a long name is cut with the whole of it beside', () => {
    const name = `${'folder/'.repeat(9)}clip.wav`;
    const svg = barChart({ ...named, unit: '', items: [{ label: name, value: Number.NaN }] }).toString();
    expectDrawable(svg);
    expect(svg).toContain('width="0"');
    expect(svg).toContain(`<title>${name}</title>`);
  });
});
