import { closeAfter, ModelError } from '../errors.ts';
import { checkedOptions } from '../options/library-options.ts';
import { modelOptions } from '../options/model.ts';
import { modelCallOptions } from '../options/model-calls.ts';
import type { AllValues } from '../options/option.ts';
import { poolOptions } from '../options/pool.ts';
import { type LoadModelOptions, withContext } from '../setup/load-model.ts';
import { type OpenModelOptions, openModel } from '../setup/open-model.ts';
import type { LoadedModel } from '../transcribe/loaded-model.ts';
import { listDevices, type PoolDevice } from './devices.ts';
import { type Pool, type PoolLimits, poolOf } from './pool.ts';

export interface OpenPoolOptions extends Omit<LoadModelOptions, 'device'> {
  /**
   * 'auto' (all NPUs if there are any, else the CPU), 'cpu', 'cpu:2x4' (two engines of four threads), 'npu', 'npu:0,1,4-7' or
   * 'npu:all'. NPUs that are asked for by name are never replaced.
   */
  readonly device?: string;
  /** How many windows each device has at a time at most, of whatever recordings. */
  readonly batchSize?: number;
  /** How many recordings are worked on at a time, each of which has a window in memory; others wait for their turn. */
  readonly maxRecordings?: number;
}

const tables = [modelOptions, modelCallOptions, poolOptions] as const;

/** The same, checked. */
type Checked = Omit<OpenPoolOptions, keyof typeof poolOptions> & AllValues<typeof tables, 'openPool()'>;

/**
 * Loads a model onto several devices, fetching and preparing it on first use, for recordings that are transcribed at the same time.
 * Dispose of it to free the devices.
 *
 * @throws UsageError for options that it does not take; ModelError, ConversionError or NpuError when anything is missing
 */
export async function openPool(options: OpenPoolOptions = {}): Promise<Pool> {
  const warn = (message: string) => options.onWarning?.(message);
  const checked = checkedOptions({ call: 'openPool()', tables }, options, warn) as Checked;
  const { device, batchSize, maxRecordings, ...given } = checked;
  const opening = withContext(given);
  const devices = await listDevices(device, opening.threads, opening.context.env);
  return openPoolOn(devices, opening, { batchSize, maxRecordings });
}

/** The same with options that have been checked. */
export async function openPoolOn(
  devices: readonly PoolDevice[],
  opening: Omit<OpenModelOptions, 'device'>,
  limits: PoolLimits,
): Promise<Pool> {
  return poolOf(await openModels(devices, opening), limits, {
    reopen: (index) => openModel({ ...opening, ...(devices[index] as PoolDevice) }),
    onWarning: opening.onWarning,
  });
}

/** The same model on several devices. The first one fetches and prepares what all need. */
export async function openModels(
  [first, ...others]: readonly PoolDevice[],
  opening: Omit<OpenModelOptions, 'device'>,
): Promise<LoadedModel[]> {
  if (first === undefined) throw new ModelError('NO_DEVICE', 'a pool needs a device');
  const opened = [await openModel({ ...opening, ...first })];
  const results = await Promise.allSettled(others.map((device) => openModel({ ...opening, ...device })));
  const failures: unknown[] = [];
  for (const result of results) {
    if (result.status === 'fulfilled') opened.push(result.value);
    else failures.push(result.reason);
  }
  if (failures.length === 0) return opened;
  return closeAfter(failures[0], async () => {
    for (const model of opened) await model[Symbol.asyncDispose]();
  });
}
