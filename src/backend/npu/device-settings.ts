import { readFile, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { makeFolder } from '../../model/make-folder.ts';
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
  try {
    return { ...usualSettings, ...checkedSettings(JSON.parse(await readFile(path, 'utf8'))) };
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return usualSettings;
    const reason = error instanceof Error ? error.message : String(error);
    onWarning(
      `${path} cannot be used (${reason}): the safe, slower settings are; \`whisper-npu doctor\` finds out anew`,
    );
    return safeSettings;
  }
}

/** Each step that may be queued has objects of ACL of its own. */
const maxQueuedSteps = 64;

function checkedSettings(settings: unknown): Partial<DeviceSettings> {
  if (typeof settings !== 'object' || settings === null || Array.isArray(settings)) throw new Error('it is no object');
  const { inPlaceRows, queuedSteps } = settings as Record<string, unknown>;
  const isKnown = inPlaceRows === undefined || typeof inPlaceRows === 'boolean';
  const count = Number(queuedSteps);
  const isCount = queuedSteps === undefined || (Number.isInteger(queuedSteps) && count >= 1 && count <= maxQueuedSteps);
  if (!isKnown || !isCount) throw new Error('its values make no sense');
  return {
    ...(inPlaceRows === undefined ? {} : { inPlaceRows }),
    ...(queuedSteps === undefined ? {} : { queuedSteps: count }),
  };
}

/** Writes the settings whole or not at all. */
export async function writeSettings(store: string, npu: OpenedNpu, settings: DeviceSettings): Promise<void> {
  await makeFolder(join(store, 'devices'));
  const path = settingsFile(store, npu);
  const unfinished = `${path}.${process.pid}.tmp`;
  await writeFile(unfinished, `${JSON.stringify(settings, null, 2)}\n`);
  await rename(unfinished, path);
}
