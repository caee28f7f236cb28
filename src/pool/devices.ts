import type { DeviceChoice, PoolDevices } from '../backend/device-choice.ts';
import { npuCount, type OpenModelOptions } from '../setup/open-model.ts';

/** Where one of a pool's models runs. */
export type PoolDevice = Pick<OpenModelOptions, 'device' | 'threads'>;

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
