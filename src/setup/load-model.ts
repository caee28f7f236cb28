import type { ModelContext } from '../model/resolve-model.ts';
import { storeDirectory } from '../model/store.ts';
import { checkedOptions } from '../options/library-options.ts';
import { modelOptions } from '../options/model.ts';
import { modelCallOptions } from '../options/model-calls.ts';
import type { ValuesOf } from '../options/option.ts';
import type { LoadedModel } from '../transcribe/loaded-model.ts';
import { type OpenModelOptions, openModel } from './open-model.ts';

type Given = Partial<Omit<OpenModelOptions, 'device' | 'context' | 'onCpuLoad'>>;

export interface LoadModelOptions
  extends Given,
    Partial<Omit<ModelContext, 'env' | 'fetch' | 'timeouts' | 'namesOnly'>> {
  /** 'auto' (an NPU if there is one), 'cpu', 'npu' or 'npu:N'. An NPU that is asked for by name is never replaced. */
  readonly device?: string;
  /** What stands for the process's environment, by default itself. */
  readonly env?: Readonly<Record<string, string | undefined>>;
}

/** The same, checked. */
type Checked = Omit<LoadModelOptions, 'device' | 'threads'> & ValuesOf<typeof modelOptions, 'loadModel()'>;

/**
 * Loads a model, fetching and preparing it on first use. Dispose of it to free its memory and its thread.
 *
 * @throws UsageError for options that it does not take; ModelError, ConversionError or NpuError when anything is missing
 */
export async function loadModel(options: LoadModelOptions = {}): Promise<LoadedModel> {
  const tables = [modelOptions, modelCallOptions] as const;
  const checked = checkedOptions({ call: 'loadModel()', tables }, options, (message) => options.onWarning?.(message));
  return openModel(withContext(checked as Checked));
}

/** Options of a call with what says where models are kept and fetched from in its own place. */
export function withContext<Options extends Omit<LoadModelOptions, 'device'>>(options: Options) {
  const { env = process.env, source, offline, signal, onEvent, ...rest } = options;
  const { storeDirectory: store = storeDirectory(env), ...given } = rest;
  const context: ModelContext = {
    storeDirectory: store,
    env,
    ...(source === undefined ? {} : { source }),
    ...(offline === undefined ? {} : { offline }),
    ...(signal === undefined ? {} : { signal }),
    ...(onEvent === undefined ? {} : { onEvent }),
  };
  return { ...given, context };
}
