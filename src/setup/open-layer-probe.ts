import { openCpuLayerProbe } from '../backend/cpu/cpu-layer-probe.ts';
import type { LayerProbe } from '../backend/layer-probe.ts';
import type { OpenedNpu } from '../backend/npu/acl-environment.ts';
import { openNpuLayerProbe } from '../backend/npu/npu-layer-probe.ts';
import { checkOmDirectory } from '../convert/om-directory.ts';
import { prepareCpu } from '../convert/prepare-cpu.ts';
import { type Checkpoint, openCheckpoint } from '../model/checkpoint.ts';
import type { ModelDimensions } from '../model/dimensions.ts';
import { cpuDtype } from '../model/dtype.ts';
import { resolveModel } from '../model/resolve-model.ts';
import { chooseDevice, convertedDirectory, type OpenModelOptions } from './open-model.ts';

export interface OpenedProbe {
  readonly probe: LayerProbe;
  readonly dimensions: ModelDimensions;
}

/**
 * Opens a model to look at its blocks one by one.
 *
 * @throws as openModel does
 */
export async function openLayerProbe(options: OpenModelOptions & { readonly model: string }): Promise<OpenedProbe> {
  const npu = await chooseDevice(options.device, options.context);
  try {
    const files = await resolveModel(options.model, options.context);
    const checkpoint = await openCheckpoint(files.directory);
    const probe =
      npu === undefined
        ? await openOnCpu(checkpoint, files.name, options)
        : await openOnNpu(checkpoint, files.name, npu, options);
    return { probe, dimensions: checkpoint.dimensions };
  } catch (error) {
    await npu?.device.close();
    throw error;
  }
}

async function openOnCpu(checkpoint: Checkpoint, model: string, options: OpenModelOptions): Promise<LayerProbe> {
  const { context, onPrepare, onWarning, threads, cpuLevel: level } = options;
  const directory = await prepareCpu(
    checkpoint,
    { store: context.storeDirectory, model },
    { dtype: cpuDtype(options.dtype), onBuild: onPrepare, onDamage: onWarning, signal: context.signal },
  );
  return openCpuLayerProbe({ directory, dimensions: checkpoint.dimensions, threads, level });
}

async function openOnNpu(
  checkpoint: Checkpoint,
  model: string,
  { device, isStandIn }: OpenedNpu,
  options: OpenModelOptions,
): Promise<LayerProbe> {
  const { omDirectory, onWarning = () => {} } = options;
  const soc = device.socName;
  const asked = { ...options, layers: true };
  const directory = omDirectory ?? (await convertedDirectory(checkpoint, model, soc, asked));
  await checkOmDirectory(directory, { soc, isStandIn }, onWarning);
  return openNpuLayerProbe({ device, directory, dimensions: checkpoint.dimensions });
}
