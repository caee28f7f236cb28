import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { UsageError } from '../errors.ts';
import { type StageName, stageNames, type Workload } from './result.ts';

/** A stage as it may be known from elsewhere: of published figures there may be a mean and no more. Milliseconds. */
export interface KnownStage {
  readonly mean?: number;
  readonly p50?: number;
  readonly p99?: number;
  /** The mean of each run. */
  readonly runs?: readonly number[];
}

/** A result to compare with, as far as it is known. Every `BenchResult` is one, given a name. */
export interface KnownResult {
  /** What to call it in a table. */
  readonly name: string;
  readonly standIn: boolean;
  readonly device?: string;
  /** Says where figures that nobody measured with this program come from. */
  readonly published?: string;
  readonly workload: Partial<Workload>;
  readonly stages: Partial<Readonly<Record<StageName, KnownStage>>>;
  readonly tokensPerSecond?: { readonly mean?: number };
  readonly rtf?: { readonly mean?: number };
  readonly peakRssBytes?: number;
  readonly deviceMemory?: { readonly peakBytes?: number };
}

/** Results that ship with this program, for `--compare NAME`. */
const shippedNames = ['pytorch-910b4-published'];

/**
 * Reads what `bench --json` or `--report` wrote, or a result that ships with this program by its name. Fields that are not
 * what they should be count as unknown.
 *
 * @throws UsageError 'RESULT_UNREADABLE' or 'RESULT_UNKNOWN'
 */
export async function readResult(file: string): Promise<KnownResult> {
  const path = shippedNames.includes(file)
    ? fileURLToPath(new URL(`../../benchmarks/${file}.json`, import.meta.url))
    : file;
  const text = await readFile(path, 'utf8').catch((cause) => {
    const hint = `Name a file that bench --json wrote, or ${shippedNames.join(', ')}.`;
    throw new UsageError('RESULT_UNREADABLE', `cannot read ${file}: ${String(cause.message)}`, { hint, cause });
  });
  return parseResult(text, file);
}

/** @param file where the text is from, for names and messages */
export function parseResult(text: string, file: string): KnownResult {
  const fields = fieldsOf(parseJson(text));
  if (fields['kind'] !== 'whisper-npu bench' || fields['version'] !== 1) {
    throw new UsageError('RESULT_UNKNOWN', `${file} is no result of \`whisper-npu bench\``, {
      hint: 'Make one with `whisper-npu bench --json > FILE`.',
    });
  }
  const stages = fieldsOf(fields['stages']);
  const known = stageNames.filter((name) => stages[name] !== undefined);
  const mean = (name: string) => defined({ mean: number(fieldsOf(fields[name])['mean']) });
  return {
    name: file.replace(/\.json$/, ''),
    standIn: fields['standIn'] === true,
    workload: workloadOf(fieldsOf(fields['workload'])),
    stages: Object.fromEntries(known.map((name) => [name, stageOf(fieldsOf(stages[name]))])),
    tokensPerSecond: mean('tokensPerSecond'),
    rtf: mean('rtf'),
    deviceMemory: defined({ peakBytes: number(fieldsOf(fields['deviceMemory'])['peakBytes']) }),
    ...defined({
      device: string(fields['device']),
      published: string(fields['published']),
      peakRssBytes: number(fields['peakRssBytes']),
    }),
  };
}

type Fields = Readonly<Record<string, unknown>>;

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined; // told as a file that is none of ours
  }
}

function fieldsOf(value: unknown): Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Fields) : {};
}

function workloadOf(fields: Fields): Partial<Workload> {
  return defined({
    model: string(fields['model']),
    modelSha256: string(fields['modelSha256']),
    dtype: string(fields['dtype']),
    audio: string(fields['audio']),
    audioSeconds: number(fields['audioSeconds']),
    tokens: number(fields['tokens']),
  });
}

function stageOf(fields: Fields): KnownStage {
  const { runs } = fields;
  const isList = Array.isArray(runs) && runs.every((value) => number(value) !== undefined);
  return {
    ...defined({ mean: number(fields['mean']), p50: number(fields['p50']), p99: number(fields['p99']) }),
    ...(isList ? { runs: runs as number[] } : {}),
  };
}

function number(value: unknown): number | undefined {
  return typeof value === 'number' && Number.isFinite(value) && value >= 0 ? value : undefined;
}

function string(value: unknown): string | undefined {
  return typeof value === 'string' ? value : undefined;
}

/** Leaves out what is undefined. */
function defined<T extends object>(values: T): { [Key in keyof T]?: Exclude<T[Key], undefined> } {
  return Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined)) as {
    [Key in keyof T]?: Exclude<T[Key], undefined>;
  };
}
