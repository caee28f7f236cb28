/** A value of a figure. */
export interface Sample {
  readonly labels?: Readonly<Record<string, string>>;
  readonly value: number;
  /** Behind the figure's name, as histograms have it. */
  readonly suffix?: string;
}

/** Counts how often a value came, by classes. */
export interface Histogram {
  add(labels: Readonly<Record<string, string>>, value: number): void;
  samples(): Sample[];
}

/** The type of answers in which Prometheus reads figures: its text format 0.0.4. */
export const prometheusType = 'text/plain; version=0.0.4; charset=utf-8';

/** A figure with its values, which all begin with the program's name. */
export function figure(
  name: string,
  type: 'counter' | 'gauge' | 'histogram',
  help: string,
  samples: readonly Sample[],
): string {
  const full = `whisper_npu_${name}`;
  const lines = samples.map(({ labels = {}, value, suffix = '' }) => {
    const said = Object.entries(labels).map(([label, text]) => `${label}="${escaped(text)}"`);
    return `${full}${suffix}${said.length === 0 ? '' : `{${said.join(',')}}`} ${value}\n`;
  });
  return `# HELP ${full} ${help}\n# TYPE ${full} ${type}\n${lines.join('')}`;
}

/** @param upperEnds of the classes, each of which counts all that is not above it */
export function openHistogram(upperEnds: readonly number[]): Histogram {
  const counted = new Map<string, { readonly below: number[]; sum: number; count: number }>();
  return {
    add(labels, value) {
      const key = JSON.stringify(labels);
      const of = counted.get(key) ?? { below: upperEnds.map(() => 0), sum: 0, count: 0 };
      for (const [i, end] of upperEnds.entries()) if (value <= end) of.below[i] = (of.below[i] ?? 0) + 1;
      of.sum += value;
      of.count++;
      counted.set(key, of);
    },
    samples() {
      return [...counted].flatMap(([key, { below, sum, count }]) => {
        return histogramSamples(JSON.parse(key) as Record<string, string>, upperEnds, { below, sum, count });
      });
    },
  };
}

/**
 * A histogram of whole numbers that were counted one by one.
 *
 * @param counts how often 1 came, how often 2, and so on
 */
export function countedSamples(
  labels: Readonly<Record<string, string>>,
  upperEnds: readonly number[],
  counts: readonly number[],
): Sample[] {
  const total = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0);
  const below = upperEnds.map((end) => total(counts.slice(0, end)));
  const sum = total(counts.map((count, i) => count * (i + 1)));
  return histogramSamples(labels, upperEnds, { below, sum, count: total(counts) });
}

function histogramSamples(
  labels: Readonly<Record<string, string>>,
  upperEnds: readonly number[],
  { below, sum, count }: { readonly below: readonly number[]; readonly sum: number; readonly count: number },
): Sample[] {
  return [
    ...upperEnds.map((end, i) => ({
      suffix: '_bucket',
      labels: { ...labels, le: String(end) },
      value: below[i] ?? 0,
    })),
    { suffix: '_bucket', labels: { ...labels, le: '+Inf' }, value: count },
    { suffix: '_sum', labels, value: sum },
    { suffix: '_count', labels, value: count },
  ];
}

function escaped(text: string): string {
  return text.replace(/[\\"\n]/g, (character) => (character === '\n' ? '\\n' : `\\${character}`));
}
