import { openCpuLayerProbe } from './backend/cpu/cpu-layer-probe.ts';
import type { LayerProbe } from './backend/layer-probe.ts';
import { cpuTapGraphs, prepareCpu } from './convert/prepare-cpu.ts';
import type { TapMode } from './graph/taps.ts';
import { type Checkpoint, openCheckpoint } from './model/checkpoint.ts';
import type { ModelDimensions } from './model/dimensions.ts';
import { resolveModel } from './model/resolve-model.ts';
import type { OpenModelOptions } from './open-model.ts';

export interface OpenedProbe {
  readonly probe: LayerProbe;
  readonly dimensions: ModelDimensions;
}

/**
 * Opens a model to look at its blocks one by one.
 *
 * @param mode whether it computes the whole model, or each block from a stream that it is given
 * @throws as openModel does
 */
export async function openLayerProbe(
  options: OpenModelOptions & { readonly model: string },
  mode: TapMode,
): Promise<OpenedProbe> {
  const files = await resolveModel(options.model, options.context);
  const checkpoint = await openCheckpoint(files.directory);
  return { probe: await openOnCpu(checkpoint, files.name, options, mode), dimensions: checkpoint.dimensions };
}

async function openOnCpu(
  checkpoint: Checkpoint,
  model: string,
  { context, onPrepare, threads }: OpenModelOptions,
  mode: TapMode,
): Promise<LayerProbe> {
  const directory = await prepareCpu(checkpoint, { store: context.storeDirectory, model }, onPrepare, context.signal);
  const { dimensions } = checkpoint;
  return openCpuLayerProbe({ graphs: cpuTapGraphs(checkpoint, mode), directory, dimensions, threads });
}
