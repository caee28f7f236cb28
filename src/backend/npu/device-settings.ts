import { rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import * as v from 'valibot';
import { makeFolder } from '../../model/make-folder.ts';
import { stagingPath } from '../../model/staging.ts';
import { readStoredJson } from '../../model/stored-json.ts';
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

/** Each step that may be queued has objects of ACL of its own. */
const maxQueuedSteps = 64;

/** Settings that a version did not know yet are missing. */
const storedSettings = v.object({
  inPlaceRows: v.exactOptional(v.boolean()),
  queuedSteps: v.exactOptional(v.pipe(v.number(), v.integer(), v.minValue(1), v.maxValue(maxQueuedSteps))),
});

/** What is true of a stand-in says nothing of the device it plays. */
function settingsFile(store: string, { device, isStandIn }: OpenedNpu): string {
  return join(store, 'devices', `${isStandIn ? 'stand-in-' : ''}${device.socName}.json`);
}

/**
 * What `doctor` found out about this kind of device; the usual settings where it has not looked yet.
 *
 * @param onWarning told of settings that are none; then the safe ones are taken
 */
export async function readSettings(
  store: string,
  npu: OpenedNpu,
  onWarning: (message: string) => void,
): Promise<DeviceSettings> {
  const path = settingsFile(store, npu);
  const read = await readStoredJson(path, storedSettings);
  if ('value' in read) return { ...usualSettings, ...read.value };
  if (read.isMissing) return usualSettings;
  onWarning(
    `${path} cannot be used (it ${read.problem}): the safe, slower settings are; \`whisper-npu doctor\` finds out anew`,
  );
  return safeSettings;
}

/** Writes the settings whole or not at all. */
export async function writeSettings(store: string, npu: OpenedNpu, settings: DeviceSettings): Promise<void> {
  await makeFolder(join(store, 'devices'));
  const path = settingsFile(store, npu);
  const unfinished = stagingPath(path);
  await writeFile(unfinished, `${JSON.stringify(settings, null, 2)}\n`);
  await rename(unfinished, path);
}
