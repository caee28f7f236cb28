import { expect, test } from 'vitest';
import { openUseMeter } from '../../src/pool/device-use.ts';
import { pooledDevices } from '../../src/pool/pooled-devices.ts';
import type { LoadedModel } from '../../src/transcribe/loaded-model.ts';

test('a device was busy while it had windows, and each window counts as the how manieth it was', () => {
  let now = 0;
  const meter = openUseMeter(() => now);
  const changes: [ms: number, windows: number][] = [
    [1000, 1],
    [1500, 2],
    [2000, 1],
    [2500, 0],
    [9000, 3],
    [9100, 0],
  ];
  for (const [ms, windows] of changes) {
    now = ms;
    meter.change(windows);
  }
  now = 20_000;
  expect(meter.read()).toEqual({ busySeconds: 1.6, windowsBegun: [2, 2, 1] });
  meter.change(1);
  now = 21_000;
  expect(meter.read().busySeconds).toBe(2.6);
});

test('the places of a pool are what is counted, of each device by itself', async () => {
  const model = { backend: { device: 'CPU' } } as LoadedModel;
  const { devices, places, useOf } = pooledDevices([model, model], 2, {});
  const taken = [];
  for (let i = 0; i < 3; i++) taken.push(...(await places.take({ count: 1, priority: 0 })));
  for (const place of taken) place.leave();
  expect(devices.map((device) => useOf(device).windowsBegun)).toEqual([[1, 1], [1]]);
});
