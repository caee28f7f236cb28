import { access, constants, mkdir } from 'node:fs/promises';
import { isStandIn, openNpu, probeAcl } from './backend/npu/acl-environment.ts';
import type { AclProbe } from './backend/npu/addon.ts';
import { findAtc } from './convert/atc.ts';
import { NpuError, WhisperNpuError } from './errors.ts';
import { listModels, storeDirectory } from './model/store.ts';

type Environment = Readonly<Record<string, string | undefined>>;

/** One thing that was looked at. */
export interface Finding {
  readonly what: string;
  /** `missing` is no fault where nothing asks for it, such as CANN on a machine without an NPU. */
  readonly state: 'ok' | 'missing' | 'failed';
  readonly detail: string;
  /** What to do about it. */
  readonly remedy?: string;
}

/** Looks at everything this program needs, from Node to the device's memory. */
export async function diagnose(env: Environment): Promise<Finding[]> {
  return [
    { what: 'Node', state: 'ok', detail: `${process.version}, ${process.platform} ${process.arch}` },
    await look(
      'ONNX Runtime',
      async () => `${(await import('onnxruntime-node')).default.env.versions.node ?? 'loaded'}`,
    ),
    ...(await diagnoseNpu(env)),
    await look('atc', () => findAtc(env), 'missing'),
    await look('store', () => diagnoseStore(storeDirectory(env))),
  ];
}

async function diagnoseStore(store: string): Promise<string> {
  await mkdir(store, { recursive: true });
  await access(store, constants.W_OK);
  const models = await listModels(store);
  return `${store}: ${models.map(({ name }) => name).join(', ') || 'no models yet'}`;
}

async function diagnoseNpu(env: Environment): Promise<Finding[]> {
  let probe: AclProbe;
  try {
    probe = await probeAcl(env);
  } catch (error) {
    return [failure('native addon', error, 'missing')];
  }
  const addon: Finding = { what: 'native addon', state: 'ok', detail: 'loaded' };
  const libraries = probe.libraries.map(({ name, path, error }): Finding => {
    if (path !== undefined) return { what: 'library', state: 'ok', detail: path };
    return { what: 'library', state: 'missing', detail: `${name}: ${error ?? 'not found'}` };
  });
  if (probe.error !== undefined) return [addon, ...libraries, failure('NPU', probe.error, 'missing')];
  const name = isStandIn(probe) ? 'a stand-in for CANN' : `CANN ${probe.cannVersion ?? 'of unknown version'}`;
  const driver = `driver ${probe.driverVersion ?? 'of unknown version'}`;
  return [
    addon,
    ...libraries,
    { what: 'CANN', state: 'ok', detail: `${name}, ACL ${probe.apiVersion ?? '?'}, ${driver}` },
    ...(await Promise.all(Array.from({ length: probe.deviceCount ?? 0 }, (_, index) => diagnoseDevice(env, index)))),
  ];
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

async function look(what: string, at: () => Promise<string>, otherwise: 'missing' | 'failed' = 'failed') {
  try {
    return { what, state: 'ok', detail: await at() } as const;
  } catch (error) {
    return failure(what, error, otherwise);
  }
}

function failure(what: string, error: unknown, state: 'missing' | 'failed'): Finding {
  const known = error instanceof WhisperNpuError ? error : undefined;
  const isAbsent = known instanceof NpuError && /MISSING|NO_DEVICE/.test(known.code);
  return {
    what,
    state: isAbsent ? 'missing' : state,
    detail: error instanceof Error ? error.message : String(error),
    ...(known?.hint === undefined ? {} : { remedy: known.hint }),
  };
}
