import { existsSync, readFileSync, realpathSync } from 'node:fs';
import path from 'node:path';
import { AtcError, invalidValue } from './atc-error.ts';

/** Every option of atc 8.5 that a model conversion may name; those not listed in Options are taken and ignored. */
const known = new Set(
  `model output framework weight input_shape input_hint_shape input_shape_range help om json mode out_nodes
  op_precision_mode allow_hf32 precision_mode precision_mode_v2 modify_mixlist keep_dtype input_format check_report
  input_fp16_nodes output_type op_select_implmode optypelist_for_implmode disable_reuse_memory soc_version virtual_type
  core_type aicore_num buffer_optimize fusion_switch_file customize_dtypes op_debug_config save_original_model
  dynamic_batch_size dynamic_image_size dynamic_dims enable_small_channel enable_compress_weight compress_weight_conf
  sparsity enable_single_stream ac_parallel_enable tiling_schedule_optimize log dump_mode op_debug_level debug_dir
  status_check op_compiler_cache_dir op_compiler_cache_mode mdl_bank_path op_bank_path display_model_info device_id
  shape_generalized_build_mode atomic_clean_policy external_weight deterministic deterministic_level host_env_os
  host_env_cpu cluster_config quant_dumpable is_weight_clip oo_level jit_compile insert_op_conf op_name_map`.split(
    /\s+/,
  ),
);

export type Precision = 'float16' | 'mixed' | 'origin';

export interface Options {
  readonly mode: 0 | 3 | 6;
  readonly model: string;
  /** Without the .om that is added to it. */
  readonly output: string;
  readonly om: string;
  readonly soc: string;
  readonly format: 'NCHW' | 'NCDHW' | 'ND';
  readonly inputShapes: ReadonlyMap<string, readonly number[]>;
  readonly precision: Precision;
  readonly keepDtypeFile: string | undefined;
  readonly mixListFile: string | undefined;
  readonly externalWeight: boolean;
  readonly hostOs: string;
  readonly hostCpu: string;
  readonly commandLine: string;
}

/** @throws AtcError for an option that atc does not have, or a value that it does not take */
export function parseOptions(args: readonly string[]): Options {
  const given = readArguments(args);
  const mode = Number(given.get('mode') ?? 0);
  if (mode !== 0 && mode !== 3 && mode !== 6)
    throw invalidValue('--mode', String(mode), 'the stand-in has modes 0, 3 and 6');
  const options: Options = {
    mode,
    model: given.get('model') ?? '',
    output: given.get('output') ?? '',
    om: given.get('om') ?? '',
    soc: given.get('soc_version') ?? '',
    format: oneOf(given, 'input_format', ['NCHW', 'NCDHW', 'ND'] as const, 'NCHW'),
    inputShapes: parseShapes(given.get('input_shape') ?? ''),
    precision: precisionOf(given),
    keepDtypeFile: existingFile(given, 'keep_dtype'),
    mixListFile: existingFile(given, 'modify_mixlist'),
    externalWeight: oneOf(given, 'external_weight', ['0', '1'] as const, '0') === '1',
    hostOs: given.get('host_env_os') ?? '',
    hostCpu: given.get('host_env_cpu') ?? '',
    commandLine: ['atc', ...args].join(' '),
  };
  checkImplementationModes(existingFile(given, 'op_precision_mode'));
  oneOf(given, 'log', ['null', 'debug', 'info', 'warning', 'error'] as const, 'null');
  for (const dynamic of ['dynamic_dims', 'dynamic_batch_size', 'dynamic_image_size', 'input_shape_range']) {
    if (given.get(dynamic))
      throw invalidValue(`--${dynamic}`, given.get(dynamic) ?? '', 'the stand-in has static shapes only');
  }
  if (mode === 6) return options;
  checkConversion(options, given);
  return options;
}

function readArguments(args: readonly string[]): Map<string, string> {
  const given = new Map<string, string>();
  for (let i = 0; i < args.length; i++) {
    const argument = args[i] ?? '';
    const match = /^--?([A-Za-z0-9_]+)(?:=(.*))?$/s.exec(argument);
    const name = match?.[1];
    if (name === undefined || !known.has(name)) throw invalidValue(argument, argument, 'atc has no such option');
    given.set(name, match?.[2] ?? args[++i] ?? '');
  }
  return given;
}

/** What atc takes in the paths of files. */
const takenInPaths = /^[A-Za-z0-9./_\-\u4e00-\u9fa5]*$/u;

function checkPath(parameter: string, value: string): void {
  if (takenInPaths.test(value)) return;
  throw invalidValue(parameter, value, 'The path can contain only letters, digits, Chinese characters and [./_-].');
}

function checkConversion(
  { model, output, soc, mode, hostOs, hostCpu }: Options,
  given: ReadonlyMap<string, string>,
): void {
  if (given.get('framework') !== '5') {
    throw invalidValue('--framework', given.get('framework') ?? '', 'the stand-in converts ONNX only, which is 5');
  }
  if (model === '') throw new AtcError('E10004', 'Value for [--model] is empty.');
  if (!existsSync(model)) throw new AtcError('E13000', `Failed to find file [${model}] given by --model.`);
  checkPath('--model', model);
  checkPath('--model', realpathSync(model));
  checkPath('--output', output);
  if (archOfSoc(soc) === undefined) throw invalidValue('--soc_version', soc === '' ? '[]' : soc, 'it is no Ascend soc');
  if (mode === 0 && output === '') throw new AtcError('E10004', 'Value for [--output] is empty.');
  if (mode === 0 && !existsSync(path.dirname(output))) {
    throw invalidValue('--output', output, 'its folder does not exist');
  }
  if (hostOs !== '' && hostOs !== 'linux') throw invalidValue('--host_env_os', hostOs, 'only linux is supported');
  if (hostCpu !== '' && hostCpu !== 'aarch64' && hostCpu !== 'x86_64') {
    throw invalidValue('--host_env_cpu', hostCpu, 'only aarch64 and x86_64 are supported');
  }
}

function oneOf<T extends string>(
  given: ReadonlyMap<string, string>,
  name: string,
  values: readonly T[],
  fallback: T,
): T {
  const value = given.get(name) ?? fallback;
  const found = values.find((candidate) => candidate === value);
  if (found === undefined) throw invalidValue(`--${name}`, value, `it must be one of ${values.join(', ')}`);
  return found;
}

function existingFile(given: ReadonlyMap<string, string>, name: string): string | undefined {
  const file = given.get(name);
  if (file === undefined || file === '') return undefined;
  checkPath(`--${name}`, file);
  if (!existsSync(file)) throw invalidValue(`--${name}`, file, 'the file does not exist');
  return file;
}

/** What --op_precision_mode may say of an operator. */
const implementationModes = new Set([
  'high_precision',
  'high_performance',
  'super_performance',
  'keep_fp16',
  'enable_float_32_execution',
  'enable_hi_float_32_execution',
  'support_out_of_bound_index',
]);

/** The real atc passes over what it does not know, in silence, and computes as if nothing had been said. */
function checkImplementationModes(file: string | undefined): void {
  if (file === undefined) return;
  let section = '';
  for (const line of readFileSync(file, 'utf8')
    .split('\n')
    .map((each) => each.trim())) {
    if (line === '') continue;
    const [, operator, mode] = /^(\w+)=(\w+)$/.exec(line) ?? [];
    if (/^\[(ByOpType|ByNodeName)\]$/.test(line)) section = line;
    else if (section === '' || operator === undefined || !implementationModes.has(mode ?? ''))
      throw invalidValue('--op_precision_mode', file, `"${line}" means nothing to atc`);
  }
}

const precisions: Readonly<Record<string, Precision>> = {
  fp16: 'float16',
  origin: 'origin',
  cube_fp16in_fp32out: 'mixed',
  mixed_float16: 'mixed',
};

const precisionsV1: Readonly<Record<string, Precision>> = {
  force_fp16: 'float16',
  force_fp32: 'origin',
  cube_fp16in_fp32out: 'mixed',
  allow_fp32_to_fp16: 'float16',
  must_keep_origin_dtype: 'origin',
  allow_mix_precision: 'mixed',
  allow_mix_precision_fp16: 'mixed',
};

/** Nothing given means float16, as the real atc has it. */
function precisionOf(given: ReadonlyMap<string, string>): Precision {
  const v1 = given.get('precision_mode');
  const v2 = given.get('precision_mode_v2');
  if (v1 && v2) throw invalidValue('--precision_mode_v2', v2, '--precision_mode is given too');
  const value = v2 || v1 || 'fp16';
  const precision = (v1 ? precisionsV1 : precisions)[value];
  if (precision === undefined)
    throw invalidValue(v1 ? '--precision_mode' : '--precision_mode_v2', value, 'unknown mode');
  return precision;
}

function parseShapes(text: string): Map<string, readonly number[]> {
  const shapes = new Map<string, readonly number[]>();
  for (const entry of text.split(';').filter(Boolean)) {
    const colon = entry.lastIndexOf(':');
    const dims = entry.slice(colon + 1);
    const parsed = dims === '' ? [] : dims.split(',').map(Number);
    if (colon <= 0 || !parsed.every((dim) => Number.isInteger(dim) && dim > 0)) {
      const form = 'input_name1:n1,c1,h1,w1;input_name2:n2,c2,h2,w2';
      const reason = `Reason: the stand-in takes static shapes only. The value must be formatted as ${form}.`;
      throw new AtcError('E10002', `Value ${entry} for parameter --input_shape is invalid. ${reason}`);
    }
    shapes.set(entry.slice(0, colon), parsed);
  }
  return shapes;
}

/** The architecture that the parts of a family share, or undefined for what is no soc. */
export function archOfSoc(soc: string): string | undefined {
  if (/^Ascend910(B[1-4](-\d)?|_93\d\d)$/.test(soc)) return '2201';
  if (/^Ascend310P[1-7]$/.test(soc)) return '2002';
  if (/^Ascend310B[1-4]$/.test(soc)) return '3002';
  if (/^Ascend910(A|B|ProA|ProB|PremiumA)?$/.test(soc)) return '1001';
  return undefined;
}
