import { createRequire } from 'node:module';
import { ModelError } from '../../errors.ts';
import type { ModelDimensions } from '../../model/dimensions.ts';
import type { WeightsTable } from '../../model/weights-table.ts';
import type { CpuLevel } from '../cpu-level.ts';
import { type FoundAddon, findAddon } from '../find-addon.ts';
import type { Choice } from '../greedy.ts';
import type { NetworkDescription, Tensor } from './networks/description.ts';

/** Handles of objects of the addon, which are freed by the garbage collector. */
export type NativeModel = { readonly __native: 'model' };
export type NativeAudio = { readonly __native: 'audio' };
export type NativeCache = { readonly __native: 'cache' };
export type NativeNetwork = { readonly __native: 'network' };

/** The addon for CPUs (native/cpu/addon.cc), typed here and nowhere else. Calls block; errors are plain. */
export interface CpuAddon {
  /** Equal to `interfaceVersion` below, unless the addon was built from other sources. */
  readonly interfaceVersion: number;
  /** The levels of processors that it was compiled for and that this processor has, each faster than the one before. */
  levels(): CpuLevel[];
  /** Whether a model's sizes fit its vectors. */
  fits(dimensions: ModelDimensions): boolean;
  load(options: NativeModelOptions): NativeModel;
  /** Memory for the cross-attention's keys and values of windows. */
  allocateAudio(model: NativeModel, windows: number): NativeAudio;
  /** Frees it now; it must not be used again. */
  freeAudio(audio: NativeAudio): void;
  /** @param logMel f32 [nMels, 2 * nAudioCtx] */
  encode(model: NativeModel, logMel: Float32Array, audio: NativeAudio, window: number): void;
  /** @returns f32 [nAudioCtx, nAudioState] */
  encoderOutput(model: NativeModel, logMel: Float32Array): Float32Array<ArrayBuffer>;
  createCache(model: NativeModel): NativeCache;
  /**
   * Computes a batched step; its rows are the tokens of the requests, one after the other.
   *
   * @returns for each request with `attention` the scores of the alignment heads, f32 [sequences, heads, width, nAudioCtx]
   */
  step(model: NativeModel, requests: readonly NativeStepRequest[]): (Float32Array<ArrayBuffer> | undefined)[];
  /** The logits of some rows of the last step, f32 [rows, nVocab]. */
  logits(model: NativeModel, rows: Int32Array): Float32Array<ArrayBuffer>;
  /**
   * The likeliest allowed token behind a row of the last step (see AllowedTokens).
   *
   * @param timestampBegin -1 where timestamps are tokens like others
   */
  choose(model: NativeModel, row: number, mask: Float32Array, timestampBegin: number): Choice;
  /**
   * Encodes a window and decodes a sequence over it, and returns the output of every block (see LayerProbe).
   *
   * @param logMel f32 [nMels, 2 * nAudioCtx]
   * @param streams the residual stream behind each block, from which the next one starts, f32 [rows, state]; empty where the model
   *   computes its own
   */
  probe(
    model: NativeModel,
    logMel: Float32Array,
    tokens: Int32Array,
    streams: Readonly<Record<string, Float32Array>>,
  ): NativeProbe;
  /** The time that executions of encoder and decoder have taken. */
  times(model: NativeModel): NativeTimes[];
}

/** The functions of the same addon for networks other than Whisper (native/cpu/network_binding.cc). */
export interface NetworkAddon {
  /** Checks a network against its weights and makes it ready. */
  loadNetwork(
    description: NetworkDescription,
    weights: Readonly<Record<string, Tensor>>,
    level: CpuLevel,
  ): NativeNetwork;
  runNetwork(network: NativeNetwork, inputs: Readonly<Record<string, Tensor>>): Record<string, Tensor>;
  /** Frees it now; it must not be used again. */
  freeNetwork(network: NativeNetwork): void;
}

export interface NativeProbe {
  /** Behind the last token, f32 [nVocab]. */
  readonly logits: Float32Array<ArrayBuffer>;
  /** By name: the output of each block, and the residual stream behind it unless it was given, f32 [rows, state]. */
  readonly blocks: Readonly<
    Record<string, { readonly block: Float32Array<ArrayBuffer>; readonly stream?: Float32Array<ArrayBuffer> }>
  >;
}

/** The time that all executions of a graph have taken so far. */
export interface NativeTimes {
  readonly graph: string;
  readonly executions: number;
  readonly elapsedMs: number;
  readonly parts: readonly { readonly name: string; readonly calls: number; readonly elapsedMs: number }[];
}

export interface NativeModelOptions extends WeightsTable {
  /** One of `levels()`. */
  readonly level: CpuLevel;
  /** The weights file. */
  readonly path: string;
  readonly dimensions: ModelDimensions;
  readonly threads: number;
}

/** New tokens of sequences that share a KV cache, `width` tokens for each, sequence by sequence. */
export interface NativeStepRequest {
  readonly audio: NativeAudio;
  readonly cache: NativeCache;
  readonly attention: boolean;
  readonly tokens: Int32Array;
  /** The position of each token in its sequence. */
  readonly positions: Int32Array;
  readonly width: number;
  /** The cache entry that the first token is written to; the others follow it. */
  readonly firstRow: number;
  /** The window that each sequence attends to. */
  readonly windows: Int32Array;
  /** The cache entries of the sequences so far, one sequence after the other, and where those of each end. */
  readonly pastRows: Int32Array;
  readonly pastEnds: Int32Array;
}

/** The version of the interface above, as native/cpu/js_values.h has it. Both are raised when the interface changes. */
const interfaceVersion = 7;

let loaded: (CpuAddon & NetworkAddon) | undefined;

/**
 * Loads the addon, once per thread.
 *
 * @param dimensions of a model that is to be computed with it
 * @throws ModelError 'CPU_ADDON_MISSING' where it is not there, 'CPU_ADDON_BROKEN' where it cannot be loaded,
 *   'MODEL_SIZES_UNSUPPORTED' where the model's sizes do not fit its vectors
 */
export function loadCpuAddon(dimensions?: ModelDimensions): CpuAddon & NetworkAddon {
  loaded ??= load();
  if (dimensions === undefined || loaded.fits(dimensions)) return loaded;
  throw new ModelError('MODEL_SIZES_UNSUPPORTED', 'the CPU engine cannot compute with the sizes of this model', {
    hint: 'Its states must be multiples of 64, its heads 16, 32 or 64 wide, as those of all published Whisper models are.',
  });
}

/**
 * The level to compute with: the one that is asked for, by an option or in WHISPER_NPU_CPU_LEVEL, or the best.
 *
 * @throws ModelError 'CPU_LEVEL_UNSUPPORTED' when this processor does not have the one that is asked for
 */
export function chooseLevel(addon: CpuAddon, asked = process.env['WHISPER_NPU_CPU_LEVEL']): CpuLevel {
  const levels = addon.levels();
  const level = asked ? levels.find((name) => name === asked) : levels.at(-1);
  if (level !== undefined) return level;
  throw new ModelError('CPU_LEVEL_UNSUPPORTED', `this processor does not have the level ${asked}`, {
    hint: `Here --cpu-level and WHISPER_NPU_CPU_LEVEL can be ${levels.join(', ')}; without them the last is taken.`,
  });
}

function load(): CpuAddon & NetworkAddon {
  const found = findAddon('whisper_cpu');
  if (!('path' in found)) {
    const message = `there is no addon for CPUs: ${found.reasons.join('; ')}`;
    throw new ModelError('CPU_ADDON_MISSING', message, { hint: found.hint });
  }
  let addon: CpuAddon & NetworkAddon;
  try {
    addon = createRequire(import.meta.url)(found.path) as CpuAddon & NetworkAddon;
  } catch (cause) {
    throw broken(found, (cause as Error).message.split('\n', 1)[0] as string, cause);
  }
  if (addon.interfaceVersion !== interfaceVersion)
    throw broken(found, 'it was built from other sources than this program');
  return addon;
}

function broken({ path, repair }: FoundAddon, reason: string, cause?: unknown): ModelError {
  return new ModelError('CPU_ADDON_BROKEN', `${path} cannot be used: ${reason}`, { hint: repair, cause });
}
