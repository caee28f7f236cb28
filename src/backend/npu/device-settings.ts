import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { OpenedNpu } from './acl-environment.ts';

/** Two things that only a device can confirm; each has a safe way. */
export interface DeviceSettings {
  /** Decoders write their rows straight into the cache (safe: a copy on the device per step). */
  readonly inPlaceRows: boolean;
  /** Steps queued between two looks at the tokens (safe: 1). */
  readonly queuedSteps: number;
}

export const usualSettings: DeviceSettings = { inPlaceRows: true, queuedSteps: 8 };
export const safeSettings: DeviceSettings = { inPlaceRows: false, queuedSteps: 1 };

/** What is true of a stand-in says nothing of the device it plays. */
function settingsFile(store: string, { device, isStandIn }: OpenedNpu): string {
  return join(store, 'devices', `${isStandIn ? 'stand-in-' : ''}${device.socName}.json`);
}

/** What `doctor` found out about this kind of device; the usual settings where it has not looked yet. */
export async function readSettings(store: string, npu: OpenedNpu): Promise<DeviceSettings> {
  const text = await readFile(settingsFile(store, npu), 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return '{}';
    throw error;
  });
  return { ...usualSettings, ...(JSON.parse(text) as Partial<DeviceSettings>) };
}

export async function writeSettings(store: string, npu: OpenedNpu, settings: DeviceSettings): Promise<void> {
  await mkdir(join(store, 'devices'), { recursive: true });
  await writeFile(settingsFile(store, npu), `${JSON.stringify(settings, null, 2)}\n`);
}
