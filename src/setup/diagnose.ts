import { access, constants } from 'node:fs/promises';
import { chooseLevel, loadCpuAddon } from '../backend/cpu/cpu-addon.ts';
import { levelNames } from '../backend/cpu-level.ts';
import { type FoundAddon, findAddon } from '../backend/find-addon.ts';
import { isDry, isStandIn, openNpu, probeAcl } from '../backend/npu/acl-environment.ts';
import type { AclProbe } from '../backend/npu/addon.ts';
import type { DeviceSettings } from '../backend/npu/device-settings.ts';
import { lookAtDriver } from '../backend/npu/driver.ts';
import { notMeasured } from '../backend/stand-in-notice.ts';
import { findAtc } from '../convert/atc.ts';
import { makeFolder } from '../model/make-folder.ts';
import { listModels, storeDirectory } from '../model/store.ts';
import { describeDriver, describeLibraries, describeNoAcl } from './describe-npu.ts';
import { type Finding, failure } from './finding.ts';
import { selfCheck } from './self-check.ts';

type Environment = Readonly<Record<string, string | undefined>>;

const storeRemedy = 'Make the folder writable, or name another one in WHISPER_NPU_HOME.';
const tokensDiffer = 'Convert the model with --dtype float32 and look again; if that does not help, report this.';

/** Looks at everything this program needs, from Node to the device's memory. */
export async function diagnose(env: Environment): Promise<Finding[]> {
  return [
    { what: 'Node', state: 'ok', detail: `${process.version}, ${process.platform} ${process.arch}` },
    await look('CPU engine', async () => describeCpuEngine(env)),
    ...(await diagnoseNpu(env)),
    await look('atc', () => findAtc(env), 'missing'),
    await diagnoseStore(env),
  ];
}

function describeCpuEngine(env: Environment): string {
  const addon = loadCpuAddon();
  const levels = addon.levels().map((level) => levelNames[level]);
  const { origin } = findAddon('whisper_cpu') as FoundAddon;
  return `${levelNames[chooseLevel(addon, env['WHISPER_NPU_CPU_LEVEL'])]} (this processor has ${levels.join(', ')}), ${origin}`;
}

async function diagnoseStore(env: Environment): Promise<Finding> {
  try {
    const store = storeDirectory(env);
    await makeFolder(store);
    await access(store, constants.W_OK);
    const models = await listModels(store);
    const detail = `${store}: ${models.map(({ name }) => name).join(', ') || 'no models yet'}`;
    return { what: 'store', state: 'ok', detail, publicDetail: `${models.length} models` };
  } catch (error) {
    return failure('store', error, 'failed', storeRemedy);
  }
}

async function diagnoseNpu(env: Environment): Promise<Finding[]> {
  let probe: AclProbe;
  try {
    probe = await probeAcl(env);
  } catch (error) {
    return [failure('native addon', error, 'missing')];
  }
  const addon: Finding = { what: 'native addon', state: 'ok', detail: 'loaded' };
  const driverReport = await lookAtDriver(env);
  const driverParts = isStandIn(probe) ? [] : describeDriver(driverReport);
  const found = [addon, ...driverParts, ...describeLibraries(probe)];
  if (probe.error !== undefined) {
    const hasDevice = driverReport.parts.some(({ what, state }) => what === '/dev/davinciN' && state !== 'missing');
    return [...found, describeNoAcl(probe, probe.error, hasDevice ? 'failed' : 'missing')];
  }
  const driver = `driver ${probe.driverVersion ?? 'of unknown version'}`;
  return [
    ...found,
    { what: 'CANN', state: 'ok', detail: `${nameOf(probe)}, ACL ${probe.apiVersion ?? '?'}, ${driver}` },
    ...(await Promise.all(Array.from({ length: probe.deviceCount ?? 0 }, (_, index) => diagnoseDevice(env, index)))),
    ...(isDry(probe) ? [] : await checkDevices(env, probe.deviceCount ?? 0)), // a dry device computes nothing to compare
  ];
}

function nameOf(probe: AclProbe): string {
  if (isDry(probe)) return `a dry stand-in for CANN (${notMeasured})`;
  return isStandIn(probe) ? 'a stand-in for CANN' : `CANN ${probe.cannVersion ?? 'of unknown version'}`;
}

/** One device after another: what is kept for a kind of device must hold for all of that kind. */
async function checkDevices(env: Environment, count: number): Promise<Finding[]> {
  const findings: Finding[] = [];
  const kept = new Map<string, DeviceSettings>();
  for (let index = 0; index < count; index++) findings.push(...(await checkItself(env, index, kept)));
  return findings;
}

/** The two things only a device can confirm, and the device against the CPU. */
async function checkItself(env: Environment, index: number, kept: Map<string, DeviceSettings>): Promise<Finding[]> {
  const what = index === 0 ? 'self-check' : `self-check of NPU ${index}`;
  try {
    const check = await selfCheck(env, storeDirectory(env), index, kept);
    if (check === undefined) {
      const detail = 'no model in the store has been converted for this device';
      return [{ what, state: 'missing', detail, remedy: 'Run `whisper-npu convert MODEL`, then this again.' }];
    }
    kept.set(check.soc, check.settings);
    const compared = (setting: string, isSame: boolean): Finding => ({
      what,
      state: 'ok',
      detail: `${setting}: ${isSame ? 'the same tokens as the safe way' : 'other tokens, so the safe way is used from now on'}`,
    });
    const percent = `${(100 * check.agreement).toFixed(1)} % of the CPU's tokens`;
    return [
      { what, state: 'ok', detail: check.model, publicDetail: 'with a model of the store' },
      compared('rows written in place', check.inPlaceRows),
      compared('steps queued', check.queuedSteps),
      check.agreement > 0.9
        ? { what, state: 'ok', detail: `the sample gives ${percent}` }
        : { what, state: 'failed', detail: `the sample gives ${percent}`, remedy: tokensDiffer },
    ];
  } catch (error) {
    return [
      failure(what, error, 'failed', 'Run `whisper-npu convert MODEL` again; if that does not help, report this.'),
    ];
  }
}

function diagnoseDevice(env: Environment, index: number): Promise<Finding> {
  return look(`NPU ${index}`, async () => {
    const { device, description } = await openNpu(env, index);
    try {
      const { freeBytes, totalBytes } = await device.memoryInfo();
      return `${description}, ${gigabytes(freeBytes)} of ${gigabytes(totalBytes)} free`;
    } finally {
      await device.close();
    }
  });
}

function gigabytes(sizeBytes: number): string {
  return `${(sizeBytes / 1e9).toFixed(1)} GB`;
}

async function look(
  what: string,
  at: () => Promise<string>,
  otherwise: 'missing' | 'failed' = 'failed',
  remedy?: string,
): Promise<Finding> {
  try {
    return { what, state: 'ok', detail: await at() } as const;
  } catch (error) {
    return failure(what, error, otherwise, remedy);
  }
}
