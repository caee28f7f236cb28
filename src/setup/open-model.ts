import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { Backend } from '../backend/backend.ts';
import { type CpuBackendOptions, openCpuBackend } from '../backend/cpu/cpu-backend.ts';
import type { CpuLevel } from '../backend/cpu-level.ts';
import type { DeviceChoice } from '../backend/device-choice.ts';
import { type OpenedNpu, openNpu, probeAcl } from '../backend/npu/acl-environment.ts';
import { readSettings } from '../backend/npu/device-settings.ts';
import { openNpuBackend } from '../backend/npu/npu-backend.ts';
import { findAtc } from '../convert/atc.ts';
import type { NpuVariants } from '../convert/npu-graphs.ts';
import { checkOmDirectory } from '../convert/om-directory.ts';
import { prepareCpu } from '../convert/prepare-cpu.ts';
import { type ConvertEvent, convertForNpu, findConverted } from '../convert/prepare-npu.ts';
import { fingerprint } from '../convert/prepared-folder.ts';
import { decodingRules } from '../decoding/rules.ts';
import { closeAfter, NpuError, UsageError } from '../errors.ts';
import { type Checkpoint, openCheckpoint } from '../model/checkpoint.ts';
import { cpuDtype, type Dtype, npuDtype, npuElementTypes } from '../model/dtype.ts';
import { type ModelContext, resolveModel } from '../model/resolve-model.ts';
import { openTokenizer } from '../model/tokenizer.ts';
import { weightsFile } from '../model/weights-table.ts';
import type { LoadedModel } from '../transcribe/loaded-model.ts';

/** With what an NPU is to be quick at (`beams`, `windows`, `wordTimes`, `layers`): on first use it is converted for that too. */
export interface OpenModelOptions extends NpuVariants {
  /** A name, a hub id or a folder; by default whisper-medium on an NPU, whisper-base on the CPU. */
  readonly model?: string;
  readonly device: DeviceChoice;
  /** What the device computes in, by default float16 on an NPU and float32 on the CPU. */
  readonly dtype?: Dtype;
  /** A folder of OM files converted elsewhere, instead of converting here. */
  readonly omDirectory?: string;
  /** Where models are kept and fetched from. */
  readonly context: ModelContext;
  /** CPU threads. */
  readonly threads: number;
  /** The CPU's instructions, of those that it has; by default the best. */
  readonly cpuLevel?: CpuLevel;
  /** On the CPU: told where the time went when the model is disposed of. */
  readonly onProfile?: CpuBackendOptions['onProfile'];
  /** Told when the CPU's graphs and weights have to be built first, with the bytes to write. */
  readonly onPrepare?: (sizeBytes: number) => void;
  /** Told of the bytes of the weights before they are loaded into the CPU's memory; may refuse that. */
  readonly onCpuLoad?: (weightsBytes: number) => void;
  readonly onConvert?: (event: ConvertEvent) => void;
  /** Told of the NPU, if it is one, before anything is loaded onto it. */
  readonly onNpu?: (npu: OpenedNpu) => void | Promise<void>;
  readonly onWarning?: (message: string) => void;
}

/**
 * From a model's name to a model that runs: device, files, checkpoint, graphs, tokenizer.
 *
 * @throws ModelError, ConversionError or NpuError when any of these is missing, damaged or refuses; UsageError for OM files
 *   without an NPU
 */
export async function openModel(options: OpenModelOptions): Promise<LoadedModel> {
  const { context } = options;
  const npu = await chooseDevice(options.device, context);
  if (npu === undefined && options.omDirectory !== undefined) {
    throw new UsageError('OM_WITHOUT_NPU', `${options.omDirectory} is for an NPU, and this runs on the CPU`, {
      hint: 'leave --om-dir out, or ask for the NPU with --device npu',
    });
  }
  try {
    const dtype = npu === undefined ? cpuDtype(options.dtype) : npuDtype(options.dtype);
    if (npu !== undefined) await options.onNpu?.(npu);
    const files = await resolveModel(options.model ?? (npu === undefined ? 'whisper-base' : 'whisper-medium'), context);
    const checkpoint = await openCheckpoint(files.directory);
    // First what may be damaged: a backend takes long to open, an NPU's to convert.
    const tokenizer = await openTokenizer(files.directory, checkpoint.dimensions.nVocab);
    const rules = decodingRules(tokenizer.special, checkpoint.generation);
    const backend = await (npu === undefined
      ? openOnCpu(checkpoint, files.name, options)
      : openOnNpu(checkpoint, files.name, npu, options));
    return {
      name: files.name,
      hash: await fingerprint(checkpoint, false),
      dtype,
      backend,
      tokenizer,
      rules,
      [Symbol.asyncDispose]: () => backend[Symbol.asyncDispose](),
    };
  } catch (error) {
    return closeAfter(error, async () => npu?.device.close());
  }
}

/** The NPU to run on, or undefined for the CPU. Asked for an NPU, it never settles for the CPU. */
export async function chooseDevice(
  choice: DeviceChoice,
  { env, signal }: Pick<ModelContext, 'env' | 'signal'>,
): Promise<OpenedNpu | undefined> {
  if (choice.kind === 'cpu') return undefined;
  if (choice.kind === 'npu') return openNpu(env, choice.index, signal);
  return (await npuCount(env)) > 0 ? openNpu(env, 0, signal) : undefined;
}

/** How many NPUs this machine has. */
export async function npuCount(env: ModelContext['env']): Promise<number> {
  try {
    return (await probeAcl(env)).deviceCount ?? 0;
  } catch (error) {
    if (error instanceof NpuError) return 0; // no addon here: `doctor` tells, `--device npu` fails
    throw error;
  }
}

async function openOnCpu(checkpoint: Checkpoint, model: string, options: OpenModelOptions): Promise<Backend> {
  const { context, threads, cpuLevel: level, onPrepare, onProfile, onWarning } = options;
  const directory = await prepareCpu(
    checkpoint,
    { store: context.storeDirectory, model },
    { dtype: cpuDtype(options.dtype), onBuild: onPrepare, onDamage: onWarning, signal: context.signal },
  );
  context.signal?.throwIfAborted();
  if (options.onCpuLoad !== undefined) options.onCpuLoad((await stat(join(directory, weightsFile))).size);
  return openCpuBackend({ directory, dimensions: checkpoint.dimensions, threads, level, onProfile });
}

async function openOnNpu(
  checkpoint: Checkpoint,
  model: string,
  npu: OpenedNpu,
  options: OpenModelOptions,
): Promise<Backend> {
  const { device, description } = npu;
  const { omDirectory, onWarning = () => {} } = options;
  const soc = device.socName;
  const directory = omDirectory ?? (await convertedDirectory(checkpoint, model, soc, options));
  await checkOmDirectory(directory, { soc, isStandIn: npu.isStandIn }, onWarning);
  const settings = await readSettings(options.context.storeDirectory, npu, onWarning);
  const { signal } = options.context;
  return openNpuBackend({ device, description, directory, dimensions: checkpoint.dimensions, ...settings, signal });
}

/** The OM files for this device, converted now if they have not been yet. */
export async function convertedDirectory(
  checkpoint: Checkpoint,
  model: string,
  soc: string,
  options: OpenModelOptions,
): Promise<string> {
  const target = { soc, dtype: npuElementTypes[npuDtype(options.dtype)] };
  const { context, onConvert, onWarning } = options;
  const place = { store: context.storeDirectory, model };
  const found = await findConverted(checkpoint, place, target, options);
  if (found !== undefined) return found;
  return convertForNpu(checkpoint, target, {
    atc: await findAtc(context.env),
    place,
    variants: options,
    logPath: conversionLog(context.storeDirectory, model),
    onDamage: onWarning,
    ...(onConvert === undefined ? {} : { onEvent: onConvert }),
    ...(context.signal === undefined ? {} : { signal: context.signal }),
  });
}

/** Where atc's output of a model's last conversion is kept. */
export function conversionLog(store: string, model: string): string {
  return join(store, 'logs', `atc-${model}.log`);
}
