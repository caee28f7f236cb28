import { availableParallelism } from 'node:os';
import { openCpuBackend } from './backend/cpu/cpu-backend.ts';
import { prepareCpu } from './convert/prepare-cpu.ts';
import { decodingRules } from './decoding/decode.ts';
import { openCheckpoint } from './model/checkpoint.ts';
import { type ModelContext, resolveModel } from './model/resolve-model.ts';
import { openTokenizer } from './model/tokenizer.ts';
import type { LoadedModel } from './transcribe/transcribe.ts';

export interface OpenModelOptions {
  /** A name, a hub id or a folder. */
  readonly model: string;
  /** Where models are kept and fetched from. */
  readonly context: ModelContext;
  readonly threads: number;
  /** Told when the graphs and weights have to be built first, with the bytes to write. */
  readonly onPrepare?: (sizeBytes: number) => void;
}

/** More threads than this slow a decoder step down on machines with many cores. */
export const defaultThreads = Math.min(availableParallelism(), 8);

/**
 * From a model's name to a model that runs: files, checkpoint, graphs, device, tokenizer.
 *
 * @throws ModelError when any of these is missing or damaged
 */
export async function openModel({ model, context, threads, onPrepare }: OpenModelOptions): Promise<LoadedModel> {
  const files = await resolveModel(model, context);
  const checkpoint = await openCheckpoint(files.directory);
  const { dimensions, generation } = checkpoint;
  const prepared = await prepareCpu(checkpoint, { store: context.storeDirectory, model: files.name }, onPrepare);
  context.signal?.throwIfAborted();
  const [backend, tokenizer] = await Promise.all([
    openCpuBackend({ directory: prepared, dimensions, threads }),
    openTokenizer(files.directory, dimensions.nVocab),
  ]);
  return {
    name: files.name,
    backend,
    tokenizer,
    rules: decodingRules(tokenizer.special, generation),
    [Symbol.asyncDispose]: () => backend[Symbol.asyncDispose](),
  };
}
