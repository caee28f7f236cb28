import { mkdir, rename, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { npuDecoderGraph } from '../graph/npu-decoder.ts';
import { npuEncoderGraph } from '../graph/npu-encoder.ts';
import { type NpuDtype, npuWeightType } from '../graph/npu-layers.ts';
import { layOutWeights, type WeightLayout, weightsFile } from '../graph/weights.ts';
import type { Checkpoint } from '../model/checkpoint.ts';
import { type AtcJob, atcArguments, runAtc } from './atc.ts';
import { readOmHeader } from './om-file.ts';
import { buildPrepared, findPrepared, fingerprint, type PreparedPlace } from './prepared-folder.ts';
import { writeWeights } from './weights-file.ts';

/** Raised with every change of the graphs, so that older folders are made anew. */
const graphVersion = 1;

/** How many tokens a decoder graph takes at once: one for a step, more to take a prompt in. */
const decoderWidths = [1, 4] as const;

/** Names of a model's graphs, and so of its OM files, by what they do. */
const graphNames = { encoder: 'encoder', decoder: (width: number) => `decoder-${width}` } as const;

export interface NpuTarget {
  /** As aclrtGetSocName names it: Ascend910B4. */
  readonly soc: string;
  readonly dtype: NpuDtype;
  /** The processor of the machine that will run the OMs, where it is not this one's. */
  readonly hostCpu?: string;
}

/** What happens during a conversion. */
export type ConvertEvent =
  | { readonly kind: 'graphs'; readonly sizeBytes: number }
  | { readonly kind: 'atc'; readonly graph: string; readonly index: number; readonly count: number };

export interface ConvertOptions {
  /** Path of atc. */
  readonly atc: string;
  /** Where the folder goes. */
  readonly place: PreparedPlace;
  /** Where atc's log goes; it stays when a conversion fails. */
  readonly logPath: string;
  readonly onEvent?: (event: ConvertEvent) => void;
  readonly signal?: AbortSignal;
}

/** The folder with this checkpoint's OM files for that target, if it was converted before. */
export async function findConverted(
  checkpoint: Checkpoint,
  place: PreparedPlace,
  target: NpuTarget,
): Promise<string | undefined> {
  return findPrepared(place, await folderName(checkpoint, target));
}

/**
 * Converts a checkpoint into OM files: graphs, then one run of atc for each.
 *
 * @returns their folder; it appears whole or not at all
 * @throws ConversionError when atc refuses a graph, ModelError when the store cannot be written
 */
export async function convertForNpu(
  checkpoint: Checkpoint,
  target: NpuTarget,
  { atc, place, logPath, onEvent = () => {}, signal }: ConvertOptions,
): Promise<string> {
  const layout = npuWeightLayout(checkpoint, target.dtype);
  await mkdir(dirname(logPath), { recursive: true });
  await rm(logPath, { force: true });
  const plan = {
    name: await folderName(checkpoint, target),
    neededBytes: 2 * layout.sizeBytes,
    async build(directory: string) {
      const graphs = join(directory, 'graphs');
      onEvent({ kind: 'graphs', sizeBytes: layout.sizeBytes });
      const jobs = await writeGraphs(checkpoint, target, graphs, directory, signal);
      for (const [index, job] of jobs.entries()) {
        onEvent({ kind: 'atc', graph: job.name, index, count: jobs.length });
        await runAtc(atc, atcArguments(job), logPath, signal);
        await normaliseName(job);
      }
      await rm(graphs, { recursive: true });
      const { attributes } = await readOmHeader(`${join(directory, graphNames.encoder)}.om`);
      const atcVersion = attributes.get('atc_version') ?? 'unknown';
      return {
        source: checkpoint.directory,
        dtype: target.dtype,
        target: { device: 'npu', soc: target.soc, atcVersion },
      };
    },
  };
  return buildPrepared(place, plan, signal);
}

/** Writes the graphs and weights.bin. @returns what atc has to do with them */
export async function writeGraphs(
  checkpoint: Checkpoint,
  target: NpuTarget,
  directory: string,
  omDirectory: string,
  signal?: AbortSignal,
): Promise<(AtcJob & { readonly name: string })[]> {
  const { dimensions } = checkpoint;
  const { dtype, soc, hostCpu } = target;
  const layout = npuWeightLayout(checkpoint, dtype);
  await mkdir(directory, { recursive: true });
  await writeWeights(checkpoint, layout, join(directory, weightsFile), { signal });
  const decoders = decoderWidths.map((width) => ({
    name: graphNames.decoder(width),
    graph: npuDecoderGraph(dimensions, layout, dtype, width),
    // Step and prefill have the same weights: kept outside the OM, they are on the device once.
    externalWeights: true,
  }));
  const encoder = {
    name: graphNames.encoder,
    graph: npuEncoderGraph(dimensions, layout, dtype),
    externalWeights: false,
  };
  const jobs = [];
  for (const { name, graph, externalWeights } of [encoder, ...decoders]) {
    const model = join(directory, `${name}.onnx`);
    await writeFile(model, graph);
    const output = join(omDirectory, name);
    jobs.push({ name, model, output, soc, externalWeights, ...(hostCpu === undefined ? {} : { hostCpu }) });
  }
  return jobs;
}

function npuWeightLayout({ tensors }: Checkpoint, dtype: NpuDtype): WeightLayout {
  return layOutWeights([...tensors].map(([name, { shape }]) => [name, { type: npuWeightType(name, dtype), shape }]));
}

async function folderName(checkpoint: Checkpoint, { soc, dtype }: NpuTarget): Promise<string> {
  return `npu-${soc}-${dtype}-v${graphVersion}-${await fingerprint(checkpoint)}`;
}

/** For some targets atc appends the host to the file's name (`_linux_aarch64`). */
async function normaliseName({ output, hostCpu }: AtcJob): Promise<void> {
  const named = `${output}_linux_${hostCpu}.om`;
  await rename(named, `${output}.om`).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'ENOENT') throw error;
  });
}
