import { join } from 'node:path';
import type { ModelDimensions } from '../../model/dimensions.ts';
import { readWeightsTable, weightsFile } from '../../model/weights-table.ts';
import type { CpuLevel } from '../cpu-level.ts';
import { type LayerProbe, logitsTap } from '../layer-probe.ts';
import { chooseLevel, loadCpuAddon } from './cpu-addon.ts';

export interface CpuProbeOptions {
  /** The folder that convert/prepare-cpu.ts makes. */
  readonly directory: string;
  readonly dimensions: ModelDimensions;
  readonly threads: number;
  /** By default what WHISPER_NPU_CPU_LEVEL says, or the best of this processor. */
  readonly level?: CpuLevel | undefined;
}

/** Loads a model to look at its blocks. It runs on the calling thread and blocks it for the time of one window. */
export async function openCpuLayerProbe({
  directory,
  dimensions,
  threads,
  level: asked,
}: CpuProbeOptions): Promise<LayerProbe> {
  const addon = loadCpuAddon(dimensions);
  const table = await readWeightsTable(directory);
  const level = chooseLevel(addon, asked);
  const options = { level, path: join(directory, weightsFile), ...table, dimensions, threads };
  const model = addon.load(options);
  return {
    async run(logMel, tokens, streams, signal) {
      signal?.throwIfAborted();
      const given = Array.from(streams)
        .filter(([name]) => name.endsWith('.stream'))
        .map(([name, values]) => [name.slice(0, -'.stream'.length), values] as const);
      const { logits, blocks } = addon.probe(model, logMel, Int32Array.from(tokens), Object.fromEntries(given));
      const taps = Object.entries(blocks).flatMap(([name, { block, stream }]) => [
        [`${name}.block`, block] as const,
        ...(stream === undefined ? [] : [[`${name}.stream`, stream] as const]),
      ]);
      return new Map([...taps, [logitsTap, logits]]);
    },
    async [Symbol.asyncDispose]() {}, // the collector frees the model
  };
}
