import { createRequire } from 'node:module';
import { NpuError } from '../../errors.ts';
import { findAddon } from '../find-addon.ts';

/**
 * The native addon, typed here and nowhere else. It knows ACL, not Whisper. Everything it does on a device happens on
 * one thread per opened device; every promise rejects with an NpuError. Codes: `NPU_LIBRARY_MISSING`,
 * `NPU_LIBRARY_INCOMPLETE`, `NPU_LIBRARY_CONFLICT`, `NPU_NO_DEVICE`, `NPU_DRIVER`, `NPU_OUT_OF_MEMORY`, `NPU_MODEL`,
 * `NPU_FILE`, `NPU_TIMEOUT`, `NPU_DEVICE_LOST`, `NPU_CALL`, `NPU_BINDING_BUSY`, `NPU_ARGUMENT`, `NPU_CLOSED`,
 * `NPU_INTERNAL`.
 */
export interface AclAddon {
  openDevice(options: LibraryOptions & DeviceOptions): Promise<NativeDevice>;
  /** What can be learnt without opening a device. Rejects only on a misuse; everything else is in the answer. */
  probe(options: LibraryOptions): Promise<AclProbe>;
}

/** Where to find ACL. The first use in a process decides; libraries are never unloaded. */
export interface LibraryOptions {
  /** Load exactly these, in this order, instead of looking for libascendcl.so, else libacl_rt.so and libacl_mdl.so. */
  libraries?: readonly string[];
  /** Folders to look in after the loader's own search path. */
  searchDirectories?: readonly string[];
}

export interface DeviceOptions {
  deviceId: number;
  /** Longest wait for the device, in milliseconds; a device that takes longer counts as failed. */
  syncTimeoutMs: number;
}

export interface AclProbe {
  /** Every file tried, in order: with the path that was opened, or the loader's error. */
  libraries: { name: string; path?: string; error?: string }[];
  missingSymbols: string[];
  apiVersion?: string;
  cannVersion?: string;
  driverVersion?: string;
  socName?: string;
  deviceCount?: number;
  /** Why the probe stopped short. */
  error?: NpuError;
}

/**
 * An opened device with a context, a stream and a thread of its own. After `NPU_TIMEOUT` or `NPU_DEVICE_LOST` every
 * later call rejects at once; only `close` is left. A call of ACL that does not return counts as a timeout too, after
 * twice `syncTimeoutMs`: no promise stays open for ever.
 */
export interface NativeDevice {
  readonly socName: string;
  memoryInfo(): Promise<{ freeBytes: number; totalBytes: number }>;
  /** Device memory, not zeroed. Give each piece of a buffer `pieceSizeBytes` of room. */
  allocate(sizeBytes: number): Promise<NativeBuffer>;
  /** Device memory that an OM file asks for. */
  modelSizes(path: string): Promise<{ workBytes: number; weightBytes: number }>;
  loadModel(path: string, options: ModelOptions): Promise<NativeModel>;
  /**
   * Carries out the commands in order, in one visit to the device's thread: everything is queued, then waited for
   * once. (More often only when a transfer does not fit 8 MiB of pinned memory, or a synchronous model is executed.)
   *
   * @returns the bytes of each download command, in order
   */
  submit(commands: readonly Command[]): Promise<Uint8Array<ArrayBuffer>[]>;
  /**
   * Frees all that is on the device, then the device; what is still queued rejects with `NPU_CLOSED`. Idempotent.
   * Settles even when the device hangs: with `NPU_TIMEOUT`, and so does everything that was still under way.
   *
   * @param limitMs longest wait; by default what an orderly close can take
   */
  close(limitMs?: number): Promise<void>;
}

export interface NativeBuffer {
  readonly sizeBytes: number;
  /** Gives up the buffer; its memory is freed when no binding or model uses it any more. Idempotent. */
  close(): Promise<void>;
}

export interface ModelOptions {
  /** How the model is executed, for its whole life: ACL refuses to mix. Several async steps can wait as one. */
  mode: 'sync' | 'async';
  /** At least `workBytes`. Models that never run at the same time may share one. */
  workBuffer?: NativeBuffer;
  /** At least `weightBytes`. */
  weightBuffer?: NativeBuffer;
  /** Device memory holding the weight files that the OM names; sizes are multiples of 32. Models may share them. */
  externalWeights?: readonly { fileName: string; slice: BufferSlice }[];
}

export interface NativeModel {
  readonly inputs: readonly TensorSpec[];
  readonly outputs: readonly TensorSpec[];
  /** Builds the model's lists of buffers, once: a slice per input and per output, in order. */
  createBinding(inputs: readonly BufferSlice[], outputs: readonly BufferSlice[]): Promise<NativeBinding>;
  /** Unloads the model and closes its bindings. Idempotent. */
  close(): Promise<void>;
}

/** A model with memory for its inputs and outputs. */
export interface NativeBinding {
  close(): Promise<void>;
}

export interface TensorSpec {
  name: string;
  dims: number[];
  /** numpy's name, as `float16`; `acl:N` for a type that has none. */
  dtype: string;
  format: string;
  sizeBytes: number;
}

/** A part of a buffer; `offset` is a multiple of 64. */
export interface BufferSlice {
  buffer: NativeBuffer;
  offset: number;
  sizeBytes: number;
}

export type Command =
  | { kind: 'upload'; to: BufferSlice; data: Uint8Array | Float32Array | Int32Array }
  | { kind: 'uploadFile'; to: BufferSlice; path: string; fileOffset: number }
  | { kind: 'fill'; to: BufferSlice; value: number }
  | { kind: 'copy'; from: BufferSlice; to: BufferSlice }
  | { kind: 'execute'; binding: NativeBinding; rebind?: readonly Rebind[] }
  | { kind: 'download'; from: BufferSlice };

/**
 * Points a tensor of a binding at other memory from this step on. A binding of an async model that was executed in the
 * same submit cannot be rebound (`NPU_BINDING_BUSY`): take a ring of bindings.
 */
export interface Rebind {
  side: 'input' | 'output';
  index: number;
  slice: BufferSlice;
}

/** Room for a piece within a buffer, so that the next one starts aligned: 64-byte steps, and ACL's 32 bytes of tail. */
export function pieceSizeBytes(sizeBytes: number): number {
  return Math.ceil((Math.ceil(sizeBytes / 32) * 32 + 32) / 64) * 64;
}

interface AddonExports extends AclAddon {
  setErrorConstructor(errorClass: typeof NpuError): void;
  /** Closes every device of this thread, waiting for them, but not long. */
  shutDown(): void;
}

let loaded: AddonExports | undefined;

/**
 * Loads the addon, once per thread.
 *
 * @throws NpuError `NPU_ADDON_MISSING` when it is not there, `NPU_ADDON_BROKEN` when it cannot be loaded
 */
export function loadAddon(): AclAddon {
  if (loaded !== undefined) return loaded;
  const addon = findAddon('whisper_npu');
  if (!('path' in addon)) {
    throw new NpuError('NPU_ADDON_MISSING', `there is no addon for NPUs: ${addon.reasons.join('; ')}`, {
      hint: addon.hint,
    });
  }
  const { path, origin } = addon;
  try {
    loaded = createRequire(import.meta.url)(path) as AddonExports;
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new NpuError('NPU_ADDON_BROKEN', `the addon for NPUs cannot be loaded (${path}, ${origin}): ${reason}`, {
      hint: addon.repair,
      cause,
    });
  }
  loaded.setErrorConstructor(NpuError);
  // process.exit() skips the addon's own clean-up, and ACL must not be left to the process's static destructors.
  process.once('exit', () => loaded?.shutDown());
  return loaded;
}
