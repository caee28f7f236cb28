import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from 'vitest';
import type { Pool } from '../../src/pool/pool.ts';
import { formWith, scriptedPool, segmentOf, startServer, transcribeAt } from './support/test-server.ts';

const wav = new Uint8Array(readFileSync('samples/espeak-en-16k.wav'));

/** Figures by their names with labels. */
async function figuresOf(url: string, headers: Readonly<Record<string, string>> = {}): Promise<Map<string, number>> {
  const response = await fetch(`${url}/metrics`, { headers });
  expect(response.headers.get('content-type')).toBe('text/plain; version=0.0.4; charset=utf-8');
  const lines = (await response.text()).split('\n').filter((line) => line !== '' && !line.startsWith('#'));
  return new Map(
    lines.map((line) => {
      const [, name = '', value = ''] = /^(whisper_npu_\w+(?:\{.*\})?) (\S+)$/.exec(line) ?? [];
      return [name.replace('whisper_npu_', ''), Number(value)];
    }),
  );
}

const busyPool = (transcribe?: Pool['transcribe']): Pool => ({
  ...scriptedPool(transcribe),
  status: () => ({
    devices: [
      { name: 'NPU 0', places: 8, windows: 3, isOut: false, busySeconds: 12.5, windowsBegun: [5, 3, 1, 0, 1] },
      { name: 'NPU 1', places: 8, windows: 0, isOut: true, busySeconds: 0, windowsBegun: [] },
    ],
    recordings: 1,
    waitingRecordings: 0,
    windows: 3,
    waitingWindows: 5,
  }),
});

test('what was done and what is going on stand in /metrics', async () => {
  let finish = () => {};
  const held = new Promise<void>((resolve) => {
    finish = resolve;
  });
  let calls = 0;
  const { url, answered } = await startServer(
    busyPool(async function* (recording) {
      for await (const _ of recording.samples());
      if (++calls === 2) await held;
      yield segmentOf(' hello');
    }),
    { admission: { running: 1, waiting: 1, waitSeconds: 60 } },
  );
  const none = await figuresOf(url);
  expect([none.get('requests_running'), none.get('requests_waiting'), none.get('models_loaded')]).toEqual([0, 0, 1]);

  await transcribeAt(url, formWith(wav));
  await fetch(`${url}/nothing-${Math.random()}`);
  await fetch(`${url}/nothing-else`, { method: 'DELETE' });
  await expect.poll(() => answered.length).toBe(4);
  const second = transcribeAt(url, formWith(wav));
  await expect.poll(() => calls).toBe(2);
  const third = transcribeAt(url, formWith(wav));
  await expect.poll(async () => (await figuresOf(url)).get('requests_waiting')).toBe(1);
  const found = await figuresOf(url);
  const route = '/v1/audio/transcriptions';
  expect(found.get(`requests_total{route="${route}",method="POST",status="200"}`)).toBe(1);
  expect(found.get('requests_total{route="none",method="any",status="404"}')).toBe(2);
  expect(found.get('audio_seconds_total{model="scripted"}')).toBeCloseTo(5.6, 1);
  expect(found.get(`request_duration_seconds_count{route="${route}"}`)).toBe(1);
  expect(found.get(`request_duration_seconds_bucket{route="${route}",le="+Inf"}`)).toBe(1);
  expect(found.get(`request_wait_seconds_bucket{route="${route}",le="1800"}`)).toBe(1);
  expect(found.get('requests_running')).toBe(1);
  expect(found.get('windows_waiting{model="scripted"}')).toBe(5);
  expect(found.get('device_windows{model="scripted",device="NPU 0",index="0"}')).toBe(3);
  expect(found.get('device_places{model="scripted",device="NPU 1",index="1"}')).toBe(8);
  const device = 'model="scripted",device="NPU 0",index="0"';
  const buckets = [1, 2, 4, 8, '+Inf'].map((le) => found.get(`device_batch_windows_bucket{${device},le="${le}"}`));
  expect(buckets).toEqual([5, 8, 9, 10, 10]);
  expect(found.get(`device_batch_windows_sum{${device}}`)).toBe(5 + 2 * 3 + 3 + 5);
  expect(found.get(`device_batch_windows_count{${device}}`)).toBe(10);
  expect(found.get(`device_busy_seconds_total{${device}}`)).toBe(12.5);
  expect([found.get(`device_out{${device}}`), found.get(`device_out{${device.replaceAll('0', '1')}}`)]).toEqual([0, 1]);
  expect(found.get('process_resident_bytes')).toBeGreaterThan(1e6);
  await sleep(300);
  finish();
  expect([(await second).status, (await third).status]).toEqual([200, 200]);
  await expect.poll(() => answered.filter(({ path }) => path === route).length).toBe(3);
  const after = await figuresOf(url);
  expect(after.get(`request_wait_seconds_sum{route="${route}"}`)).toBeGreaterThan(0.25);
  expect([after.get('requests_running'), after.get('requests_waiting')]).toEqual([0, 0]);
});

test('/metrics needs the key', async () => {
  const { url } = await startServer(busyPool(), { access: { hosts: [], corsOrigins: [], apiKey: 'key' } });
  expect((await fetch(`${url}/metrics`)).status).toBe(401);
  expect((await figuresOf(url, { authorization: 'Bearer key' })).size).toBeGreaterThan(5);
});
