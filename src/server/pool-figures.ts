import type { DeviceStatus, Pool, PoolStatus } from '../pool/pool.ts';
import { countedSamples, figure, type Sample } from './prometheus.ts';

/** Upper ends of the classes that windows of a device are counted in. */
const batchClasses = [1, 2, 4, 8, 16, 32, 64, 128, 256];

/** What the models of a server and their devices are doing and have done, as Prometheus reads it. */
export function poolFigures(pools: readonly Pool[]): string {
  const models = pools.map((pool) => ({ model: pool.name, status: pool.status() }));
  const ofModels = (value: (status: PoolStatus) => number): Sample[] =>
    models.map(({ model, status }) => ({ labels: { model }, value: value(status) }));
  const devices = models.flatMap(({ model, status }) =>
    // Several engines on one CPU are called the same.
    status.devices.map((device, index) => ({ device, labels: { model, device: device.name, index: String(index) } })),
  );
  const ofDevices = (value: (device: DeviceStatus) => number): Sample[] =>
    devices.map(({ device, labels }) => ({ labels, value: value(device) }));
  return [
    figure(
      'windows_waiting',
      'gauge',
      'Windows that wait for a device.',
      ofModels(({ waitingWindows }) => waitingWindows),
    ),
    figure(
      'device_windows',
      'gauge',
      'Windows that a device has.',
      ofDevices(({ windows }) => windows),
    ),
    figure(
      'device_places',
      'gauge',
      'Windows that a device takes at a time.',
      ofDevices(({ places }) => places),
    ),
    figure(
      'device_batch_windows',
      'histogram',
      'How many windows a device had at a time, counted when each of them came to it.',
      devices.flatMap(({ device, labels }) => countedSamples(labels, batchClasses, device.windowsBegun)),
    ),
    figure(
      'device_busy_seconds_total',
      'counter',
      'Seconds in which a device had a window at least.',
      ofDevices(({ busySeconds }) => busySeconds),
    ),
    figure(
      'device_out',
      'gauge',
      '1 for a device that has failed and gets no windows until it works again, else 0.',
      ofDevices(({ isOut }) => Number(isOut)),
    ),
    figure('models_loaded', 'gauge', 'Models in memory.', [{ value: pools.length }]),
  ].join('');
}
