import { mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { OpenedNpu } from '../../../src/backend/npu/acl-environment.ts';
import { readSettings, safeSettings, usualSettings, writeSettings } from '../../../src/backend/npu/device-settings.ts';

const npu = { device: { socName: 'Ascend910B4' }, isStandIn: false } as OpenedNpu;
const standIn = { ...npu, isStandIn: true } as OpenedNpu;
let store: string;
let warnings: string[];
const read = (of = npu) => readSettings(store, of, (message) => warnings.push(message));
beforeEach(async () => {
  store = await mkdtemp(join(tmpdir(), 'whisper-npu-settings-'));
  warnings = [];
});
afterEach(() => rm(store, { recursive: true }));

test('settings are the usual ones until something is known of the device', async () => {
  expect(await read()).toEqual(usualSettings);
  expect(warnings).toEqual([]);
});

test('settings are kept by kind of device, and a stand-in’s apart, in whole files', async () => {
  const found = { inPlaceRows: false, queuedSteps: 4 };
  await writeSettings(store, npu, found);
  expect(await read()).toEqual(found);
  expect(await read(standIn)).toEqual(usualSettings);
  expect(await readdir(join(store, 'devices'))).toEqual(['Ascend910B4.json']);
  expect(warnings).toEqual([]);
});

test.each([
  ...['', 'null', '[]', '"safe"', '{"inPlaceRows": tr', '{"inPlaceRows": 1}'],
  ...['{"queuedSteps": "many"}', '{"queuedSteps": 0}', '{"queuedSteps": 1.5}', '{"queuedSteps": 1e9}'],
])('settings that are none (%j) give the safe ones, with a warning', async (text) => {
  await mkdir(join(store, 'devices'));
  await writeFile(join(store, 'devices', 'Ascend910B4.json'), text);
  expect(await read()).toEqual(safeSettings);
  expect(warnings).toEqual([expect.stringMatching(/Ascend910B4\.json cannot be used .*doctor/)]);
});
