import { mkdir, readdir, rename, rm, writeFile } from 'node:fs/promises';
import { basename, join, resolve } from 'node:path';
import { ConversionError } from '../errors.ts';
import { type NpuDtype, npuWeightType } from '../graph/npu-layers.ts';
import { layOutWeights, type WeightLayout } from '../graph/weights.ts';
import type { Checkpoint } from '../model/checkpoint.ts';
import { makeFolder } from '../model/make-folder.ts';
import { plainStagingPath } from '../model/staging.ts';
import { preparedDirectory } from '../model/store.ts';
import { weightsFile } from '../model/weights-table.ts';
import { type AtcJob, type AtcLog, atcArguments, checkAtcFolder, runAtc, withLog } from './atc.ts';
import { type NpuVariants, npuGraphs } from './npu-graphs.ts';
import { readOmHeader } from './om-file.ts';
import {
  type BuildRequest,
  buildPrepared,
  findPrepared,
  fingerprint,
  type ModelLocation,
  type PrepareCallbacks,
} from './prepared-folder.ts';
import { writeWeights } from './weights-file.ts';

/** To be raised with every change of the graphs or the manifest, so that older folders are built again. */
const graphVersion = 6;

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

export interface ConvertOptions extends PrepareCallbacks {
  /** Path of atc. */
  readonly atc: string;
  /** The model in the store that the folder belongs to. */
  readonly place: ModelLocation;
  /** The file for atc's log, which is kept when a conversion fails. */
  readonly logPath: string;
  /** The graphs to convert beyond the basic ones; an existing folder keeps the graphs that it has. */
  readonly variants?: NpuVariants;
  readonly onEvent?: (event: ConvertEvent) => void;
  readonly signal?: AbortSignal;
}

/** The folder with this checkpoint's OM files for that target and these variants, if it was converted before. */
export async function findConverted(
  checkpoint: Checkpoint,
  place: ModelLocation,
  target: NpuTarget,
  variants: NpuVariants = {},
): Promise<string | undefined> {
  return findPrepared(place, { name: await folderName(checkpoint, target), files: omFiles(checkpoint, variants) });
}

function omFiles(checkpoint: Checkpoint, variants: NpuVariants): string[] {
  return npuGraphs(checkpoint, variants).map(({ name }) => `${name}.om`);
}

/**
 * Converts a checkpoint into OM files: graphs, then one run of atc for each that the folder does not have yet.
 *
 * @returns their folder; it appears whole or not at all
 * @throws ConversionError when atc refuses a graph, ModelError when the store cannot be written
 */
export async function convertForNpu(
  checkpoint: Checkpoint,
  target: NpuTarget,
  { atc, place, logPath, variants = {}, onEvent = () => {}, onDamage, signal }: ConvertOptions,
): Promise<string> {
  const layout = npuWeightLayout(checkpoint, target.dtype);
  const plan = {
    name: await folderName(checkpoint, target),
    neededBytes: 2 * layout.sizeBytes,
    files: omFiles(checkpoint, variants),
    async build({ directory, missing, signal: buildSignal }: BuildRequest) {
      let atcVersion = 'unknown';
      await withAtcFolder(place, async (folder) => {
        const graphs = join(folder, 'graphs');
        const oms = join(folder, 'oms');
        await mkdir(oms);
        onEvent({ kind: 'graphs', sizeBytes: layout.sizeBytes });
        const wanted = (name: string) => missing.includes(`${name}.om`);
        const jobs = await writeGraphs(checkpoint, target, graphs, oms, { variants, wanted, signal: buildSignal });
        const runs = async (log: AtcLog) => {
          for (const [index, job] of jobs.entries()) {
            onEvent({ kind: 'atc', graph: job.name, index, count: jobs.length });
            await runAtc(atc, atcArguments(job), { folder: oms, log }, buildSignal);
            await normaliseName(job);
            atcVersion = await writtenBy(job, log);
          }
        };
        await withLog(logPath, runs);
        for (const file of await readdir(oms))
          if (file === externalFolder || file.endsWith('.om')) await rename(join(oms, file), join(directory, file));
      });
      return {
        source: checkpoint.directory,
        dtype: target.dtype,
        target: { device: 'npu', soc: target.soc, atcVersion },
      };
    },
  };
  return buildPrepared(place, plan, { signal, onDamage });
}

/** Where atc puts weights that it keeps out of OM files, beside those. */
const externalFolder = 'weight';

/** Lends a folder in the store whose path atc takes, which the names of folders under construction are not. */
async function withAtcFolder(place: ModelLocation, body: (folder: string) => Promise<void>): Promise<void> {
  const folder = plainStagingPath(resolve(preparedDirectory(place.store, place.model)));
  await mkdir(folder);
  try {
    await checkAtcFolder(folder);
    await body(folder);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** What is in the file for atc about how exactly operators compute. */
const precisionFile = { name: 'precision.ini', content: '[ByOpType]\nConv2D=enable_float_32_execution\n' };

/**
 * Whether convolutions in float32 have to be asked for. These chips have a type of 11 bits of mantissa (HF32), which atc takes
 * for float32 convolutions whatever --precision_mode_v2 says; others have none, and no such mode.
 */
function needsPrecision({ soc, dtype }: NpuTarget): boolean {
  return dtype === 'f32' && /^Ascend910(B\d|_93)/.test(soc);
}

export interface WriteGraphsOptions {
  readonly variants?: NpuVariants;
  /** Which graphs to write, by their names; all by default. */
  readonly wanted?: (name: string) => boolean;
  readonly signal?: AbortSignal | undefined;
}

/** Writes the graphs and weights.bin. @returns what atc has to do with them */
export async function writeGraphs(
  checkpoint: Checkpoint,
  target: NpuTarget,
  directory: string,
  omDirectory: string,
  { variants = {}, wanted = () => true, signal }: WriteGraphsOptions = {},
): Promise<(AtcJob & { readonly name: string })[]> {
  const { dtype, soc, hostCpu } = target;
  const precision = needsPrecision(target) ? join(directory, precisionFile.name) : undefined;
  const layout = npuWeightLayout(checkpoint, dtype);
  await makeFolder(directory);
  await writeWeights(checkpoint, layout, join(directory, weightsFile), { signal });
  if (precision !== undefined) await writeFile(precision, precisionFile.content);
  const jobs = [];
  for (const { name, externalWeights, convolves, write } of npuGraphs(checkpoint, variants)) {
    if (!wanted(name)) continue;
    const model = join(directory, `${name}.onnx`);
    await writeFile(model, write(layout, dtype));
    const output = join(omDirectory, name);
    jobs.push({
      name,
      model,
      output,
      soc,
      externalWeights,
      ...(convolves && precision !== undefined ? { precisionFile: precision } : {}),
      ...(hostCpu === undefined ? {} : { hostCpu }),
    });
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

/** Looks at what atc wrote: that it ended well is not enough. @returns atc's version */
async function writtenBy({ output }: AtcJob, log: AtcLog): Promise<string> {
  try {
    const { attributes } = await readOmHeader(`${output}.om`);
    return attributes.get('atc_version') ?? 'unknown';
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new ConversionError('ATC_FAILED', `atc ended well but wrote no usable ${basename(output)}.om: ${reason}`, {
      hint: `The whole log: ${log.path}`,
      cause,
    });
  }
}
