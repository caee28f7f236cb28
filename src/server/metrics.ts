import type { Admission } from './admission.ts';
import type { AnsweredRequest } from './http/http-server.ts';
import type { ModelHost } from './model-host.ts';
import { poolFigures } from './pool-figures.ts';
import { figure, openHistogram, type Sample } from './prometheus.ts';

/** Upper ends of the classes that times are counted in, in seconds. */
const timeClasses = [0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 1800];

/** What a server has done and is doing, in figures. */
export interface Metrics {
  count(answered: AnsweredRequest): void;
  /** All figures as Prometheus reads them. */
  text(): string;
}

/** Counts requests by route and never by path or by what a client calls a model: there are endlessly many of those. */
export function openMetrics(admission: Admission, models: ModelHost): Metrics {
  const requests = new Map<string, number>();
  const audioSeconds = new Map<string, number>();
  const durations = openHistogram(timeClasses);
  const waits = openHistogram(timeClasses);

  return {
    count({ route = 'none', method, status, seconds, facts }) {
      // Strangers choose methods too.
      add(requests, { route, method: route === 'none' ? 'any' : method, status: String(status) }, 1);
      durations.add({ route }, seconds);
      if (facts.waitSeconds !== undefined) waits.add({ route }, facts.waitSeconds);
      if (facts.model !== undefined) add(audioSeconds, { model: facts.model }, facts.audioSeconds ?? 0);
    },
    text() {
      const one = (value: number): Sample[] => [{ value }];
      return [
        figure(
          'requests_total',
          'counter',
          'Requests by route, method and status (499: the client left).',
          all(requests),
        ),
        figure(
          'request_duration_seconds',
          'histogram',
          'From a request to the end of its answer.',
          durations.samples(),
        ),
        figure(
          'request_wait_seconds',
          'histogram',
          'How long recordings that had come waited for their turn.',
          waits.samples(),
        ),
        figure('audio_seconds_total', 'counter', 'Seconds of recordings that were transcribed.', all(audioSeconds)),
        figure('requests_running', 'gauge', 'Recordings that are being worked on.', one(admission.running)),
        figure(
          'requests_waiting',
          'gauge',
          'Recordings that are being sent, or wait for their turn.',
          one(admission.waiting),
        ),
        poolFigures(models.pools()),
        figure('process_resident_bytes', 'gauge', 'Memory of the process.', one(process.memoryUsage.rss())),
      ].join('');
    },
  };
}

function add(sums: Map<string, number>, labels: Readonly<Record<string, string>>, value: number): void {
  const key = JSON.stringify(labels);
  sums.set(key, (sums.get(key) ?? 0) + value);
}

function all(sums: ReadonlyMap<string, number>): Sample[] {
  return [...sums].map(([key, value]) => ({ labels: JSON.parse(key) as Record<string, string>, value }));
}
