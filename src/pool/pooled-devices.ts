import type { LoadedModel } from '../transcribe/loaded-model.ts';
import { type DeviceUse, openUseMeter } from './device-use.ts';
import { type Places, placesIn } from './places.ts';
import { PooledDevice, type Watch } from './pooled-device.ts';

/** What a pool does about devices that fail. */
export interface PoolCare extends Partial<Watch> {
  /** Loads the model onto device `index` anew; without it a device that has failed stays out. */
  readonly reopen?: (index: number) => Promise<LoadedModel>;
  /** Told with one line of a device that is taken out, and of one that is back. */
  readonly onWarning?: ((message: string) => void) | undefined;
}

/** A call of a device takes seconds; NPUs themselves count as failed after a minute or two without a word. */
const usualWatch: Watch = { callLimitMs: 600_000, probeMs: 1000 };

/** The devices of a pool, and the places that those of them have which work. */
export interface PooledDevices {
  readonly devices: readonly PooledDevice[];
  readonly places: Places<PooledDevice>;
  useOf(device: PooledDevice): DeviceUse;
}

/** @param batchSize places of each */
export function pooledDevices(
  models: readonly LoadedModel[],
  batchSize: number,
  { reopen, onWarning = () => {}, ...watch }: PoolCare,
): PooledDevices {
  const devices = models.map((model, index): PooledDevice => {
    const device: PooledDevice = new PooledDevice({
      ...usualWatch,
      ...watch,
      model,
      reopen: reopen === undefined ? undefined : () => reopen(index),
      onOut: (error) => onWarning(`${device.name} has failed, and others do its windows again: ${firstLine(error)}`),
      onStillOut: (error) => places.refuseWhereNone(error),
      onBack() {
        onWarning(`${device.name} works again`);
        places.serve();
      },
    });
    return device;
  });
  const meters = new Map(devices.map((device) => [device, openUseMeter()]));
  const places: Places<PooledDevice> = placesIn(
    devices.map((where) => ({
      where,
      places: batchSize,
      isOpen: () => where.backend !== undefined,
      onTaken: (windows) => meters.get(where)?.change(windows),
    })),
  );
  const useOf = (device: PooledDevice) => (meters.get(device) ?? openUseMeter()).read();
  return { devices, places, useOf };
}

function firstLine(error: unknown): string {
  const [line = ''] = (error instanceof Error ? error.message : String(error)).split('\n');
  return line;
}
