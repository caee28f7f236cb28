import type { DeviceChoice, PoolDevices } from '../backend/device-choice.ts';
import { usefulRecordings } from '../options/pool.ts';
import { npuCount, type OpenModelOptions } from '../setup/open-model.ts';

/** Where one of a pool's models runs. */
export type PoolDevice = Pick<OpenModelOptions, 'device' | 'threads'>;

/**
 * The only device that is asked for, if it is one; of all NPUs that there may be, auto is the first.
 *
 * @param threads of an engine on the CPU, where the device does not say how many
 */
export function singleDevice(devices: PoolDevices, threads: number): PoolDevice | undefined {
  if (devices.kind === 'auto') return { device: devices, threads };
  if (devices.kind === 'cpu')
    return devices.engines === 1 ? { device: { kind: 'cpu' }, threads: devices.threads ?? threads } : undefined;
  const [index, ...others] = devices.indexes === 'all' ? [] : devices.indexes;
  return index === undefined || others.length > 0 ? undefined : { device: { kind: 'npu', index }, threads };
}

/** The devices of a command that takes one of them where nothing is said, and not all that there may be. */
export async function listNamedDevices(
  devices: PoolDevices,
  threads: number,
  env: OpenModelOptions['context']['env'],
): Promise<readonly PoolDevice[]> {
  if (devices.kind !== 'auto') return listDevices(devices, threads, env);
  return (await listDevices(devices, threads, env)).slice(0, 1);
}

/** How many recordings at a time keep devices busy. @param perNpu where it is not the usual number */
export function usefulCount(devices: readonly PoolDevice[], perNpu: number = usefulRecordings.npu): number {
  return devices.reduce((sum, each) => sum + (each.device.kind === 'cpu' ? usefulRecordings.cpu : perNpu), 0);
}

/**
 * The devices that somebody asks for, one by one.
 *
 * @param threads of an engine on the CPU, where the devices do not say how many
 */
export async function listDevices(
  devices: PoolDevices,
  threads: number,
  env: OpenModelOptions['context']['env'],
): Promise<readonly PoolDevice[]> {
  const onNpu = (index: number): PoolDevice => ({ device: { kind: 'npu', index }, threads });
  if (devices.kind === 'npu' && devices.indexes !== 'all') return devices.indexes.map(onNpu);
  if (devices.kind !== 'cpu') {
    const count = await npuCount(env);
    // Where all are asked for and there is none, opening the first says what is missing.
    if (count > 0 || devices.kind === 'npu') return Array.from({ length: Math.max(1, count) }, (_, i) => onNpu(i));
  }
  const cpu: DeviceChoice = { kind: 'cpu' };
  if (devices.kind !== 'cpu') return [{ device: cpu, threads }];
  return Array.from({ length: devices.engines }, () => ({ device: cpu, threads: devices.threads ?? threads }));
}
