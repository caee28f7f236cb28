import { parseDevice } from './backend/device-choice.ts';
import type { ModelContext } from './model/resolve-model.ts';
import { storeDirectory } from './model/store.ts';
import { defaultThreads, type OpenModelOptions, openModel } from './open-model.ts';
import type { LoadedModel } from './transcribe/loaded-model.ts';

type Given = Partial<Omit<OpenModelOptions, 'device' | 'context'>>;

export interface LoadModelOptions extends Given, Partial<Omit<ModelContext, 'env' | 'fetch' | 'timeouts'>> {
  /** 'auto' (an NPU if there is one), 'cpu', 'npu' or 'npu:N'. An NPU that is asked for by name is never replaced. */
  readonly device?: string;
  /** What stands for the process's environment, by default itself. */
  readonly env?: Readonly<Record<string, string | undefined>>;
}

/**
 * Loads a model, fetching and preparing it on first use. Dispose of it to free its memory and its thread.
 *
 * @throws UsageError for a device that is no name of one; ModelError, ConversionError or NpuError when anything is missing
 */
export function loadModel(options: LoadModelOptions = {}): Promise<LoadedModel> {
  const { device = 'auto', env = process.env, source, offline, signal, onEvent, ...rest } = options;
  const { storeDirectory: store = storeDirectory(env), ...given } = rest;
  return openModel({
    threads: defaultThreads,
    ...given,
    device: parseDevice(device),
    context: {
      storeDirectory: store,
      env,
      ...(source === undefined ? {} : { source }),
      ...(offline === undefined ? {} : { offline }),
      ...(signal === undefined ? {} : { signal }),
      ...(onEvent === undefined ? {} : { onEvent }),
    },
  });
}
