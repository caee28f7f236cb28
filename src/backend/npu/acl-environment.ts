import { delimiter, join } from 'node:path';
import { toolkitFolders } from '../../child-program.ts';
import { closeAfter } from '../../errors.ts';
import { notMeasured } from '../stand-in-notice.ts';
import type { AclProbe, LibraryOptions, NativeDevice } from './addon.ts';
import { loadAddon } from './addon.ts';
import { explainDriver } from './driver.ts';
import { untilAborted } from './until-aborted.ts';

type Environment = Readonly<Record<string, string | undefined>>;

/** Longest wait for the device: far more than a window takes, far less than a user waits. */
const syncTimeoutMs = 60_000;

/** Where to look for ACL: `WHISPER_NPU_ACL_LIBRARY` alone if set, else the loader's path and CANN's own folders. */
function libraryOptions(env: Environment): LibraryOptions {
  const given = env['WHISPER_NPU_ACL_LIBRARY'];
  if (given) return { libraries: given.split(delimiter) };
  const usual = ['/usr/local/Ascend/cann', '/usr/local/Ascend/ascend-toolkit/latest'];
  return { searchDirectories: [...new Set([...toolkitFolders(env), ...usual])].map((home) => join(home, 'lib64')) };
}

/** What is installed, without opening a device. */
export function probeAcl(env: Environment): Promise<AclProbe> {
  return loadAddon().probe(libraryOptions(env));
}

/** The stand-in for CANN says in its versions what it is. */
export function isStandIn({ cannVersion }: Pick<AclProbe, 'cannVersion'>): boolean {
  return cannVersion?.includes('stand-in') === true;
}

/** A stand-in that computes nothing: it takes the time that a model of the device says, and replays recorded tokens. */
export function isDry({ cannVersion }: Pick<AclProbe, 'cannVersion'>): boolean {
  return cannVersion?.includes('stand-in.dry') === true;
}

export interface OpenedNpu {
  readonly device: NativeDevice;
  readonly isStandIn: boolean;
  /** For people: 'NPU 0, Ascend910B4 (CANN 8.5.1)', or what stands in for it. */
  readonly description: string;
}

/**
 * Opens an NPU.
 *
 * @throws NpuError when the addon, a library, the driver or the device is missing
 */
export async function openNpu(env: Environment, index: number, signal?: AbortSignal): Promise<OpenedNpu> {
  const opening = loadAddon().openDevice({ ...libraryOptions(env), deviceId: index, syncTimeoutMs });
  const device = await untilAborted(opening, signal).catch(async (error: unknown) => {
    if (signal?.aborted) void opening.then((late) => late.close()).catch(() => undefined); // nobody is left to tell
    throw await explainDriver(error, env);
  });
  const probe = await probeAcl(env);
  if (probe.error !== undefined) return closeAfter(await explainDriver(probe.error, env), () => device.close());
  const standIn = isStandIn(probe);
  return { device, isStandIn: standIn, description: describe(probe, index, device.socName) };
}

function describe(probe: AclProbe, index: number, soc: string): string {
  if (isDry(probe)) return `dry stand-in for NPU ${index}, ${soc} (${notMeasured})`;
  if (isStandIn(probe)) return `stand-in for NPU ${index}, computing on the CPU`;
  return `NPU ${index}, ${soc} (CANN ${probe.cannVersion ?? 'of unknown version'})`;
}
