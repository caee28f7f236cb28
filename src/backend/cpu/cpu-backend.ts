import { Worker } from 'node:worker_threads';
import { ModelError } from '../../errors.ts';
import type { Backend, DecoderRun, EncodedAudio } from '../backend.ts';
import type { EngineOptions } from './engine.ts';
import { errorOf } from './engine-failure.ts';
import type { GraphProfile } from './profile.ts';
import type { Answer, CallName, EngineCalls } from './worker-protocol.ts';

export interface CpuBackendOptions extends EngineOptions {
  /** Told where the time went when the backend is disposed of. */
  readonly onProfile?: ((profiles: GraphProfile[]) => void) | undefined;
}

/**
 * Loads a prepared model onto the CPU, in a thread of its own.
 *
 * @param options the folder that convert/prepare-cpu.ts made, the model's dimensions, the number of threads to compute with
 * @throws ModelError 'MODEL_DAMAGED' or 'MODEL_LOAD_FAILED' when table or weights are refused, 'OUT_OF_MEMORY', 'NO_THREAD' when there are
 *   not as many, 'CPU_ADDON_MISSING', 'CPU_ADDON_BROKEN'; calls of the backend may run out of memory too
 */
export async function openCpuBackend({ onProfile, ...options }: CpuBackendOptions): Promise<Backend> {
  const engine = new EngineThread(options);
  let name: string;
  try {
    name = await engine.loaded;
  } catch (cause) {
    await engine.stop();
    if (cause instanceof ModelError) throw cause; // not the folder's fault
    const { message } = cause as Error;
    throw new ModelError('MODEL_LOAD_FAILED', `${options.directory}: the model could not be loaded: ${message}`, {
      hint: 'Remove the folder and run the command again to prepare the model anew.',
      cause,
    });
  }
  const threads = options.threads === 1 ? '1 thread' : `${options.threads} threads`;
  return {
    device: `CPU, ${threads} (${name})`,
    dimensions: options.dimensions,
    givesAttention: true,
    async encode(logMels, signal) {
      signal?.throwIfAborted();
      const audio = await engine.call(
        'encode',
        [logMels],
        logMels.map(({ buffer }) => buffer),
      );
      if (signal?.aborted) await engine.call('releaseAudio', [audio]);
      signal?.throwIfAborted();
      return encodedAudio(engine, audio, logMels.length);
    },
    async [Symbol.asyncDispose]() {
      try {
        if (onProfile !== undefined) onProfile(await engine.call('profiles', []));
      } finally {
        await engine.stop();
      }
    },
  };
}

function encodedAudio(engine: EngineThread, audio: number, count: number): EncodedAudio {
  return {
    count,
    startDecoder: async (window) => decoderRun(engine, await engine.call('startDecoder', [audio, window])),
    encoderOutput: (window = 0) => engine.call('encoderOutput', [audio, window]),
    [Symbol.asyncDispose]: () => engine.call('releaseAudio', [audio]),
  };
}

function decoderRun(engine: EngineThread, run: number): DecoderRun {
  const unlessAborted = async <T>(signal: AbortSignal | undefined, call: () => Promise<T>): Promise<T> => {
    signal?.throwIfAborted();
    const result = await call();
    signal?.throwIfAborted();
    return result;
  };
  return {
    forward: (step, signal) => unlessAborted(signal, () => engine.call('forward', [run, step])),
    candidates: (step, request, signal) => unlessAborted(signal, () => engine.call('candidates', [run, step, request])),
    nextLogprobs: (tokens, wantedTokens, signal) =>
      unlessAborted(signal, () => engine.call('nextLogprobs', [run, tokens, wantedTokens])),
    async greedy(request, signal) {
      signal?.throwIfAborted();
      const abort = new Int32Array(new SharedArrayBuffer(4));
      const onAbort = () => Atomics.store(abort, 0, 1);
      signal?.addEventListener('abort', onAbort);
      try {
        const result = await engine.call('greedy', [run, request, abort]);
        signal?.throwIfAborted();
        return result;
      } finally {
        signal?.removeEventListener('abort', onAbort);
      }
    },
    [Symbol.asyncDispose]: () => engine.call('endDecoder', [run]),
  };
}

interface Pending {
  resolve(value: unknown): void;
  reject(reason: Error): void;
}

/** The worker and the calls it has not answered yet. */
class EngineThread {
  /** What it computes with. */
  readonly loaded: Promise<string>;
  readonly #worker: Worker;
  readonly #pending = new Map<number, Pending>();
  #ended: Error | undefined;
  #calls = 0;

  constructor(options: EngineOptions) {
    this.#worker = new Worker(new URL('./worker.js', import.meta.url), { workerData: options, execArgv: [] });
    this.loaded = this.#await<string>(0);
    this.#worker.on('message', (answer: Answer) => this.#settle(answer));
    this.#worker.on('error', (error) => this.#end(error));
    this.#worker.on('exit', () => this.#end(new ModelError('MODEL_CLOSED', 'the model has been closed')));
  }

  call<Name extends CallName>(
    name: Name,
    args: Parameters<EngineCalls[Name]>,
    transfer: ArrayBuffer[] = [],
  ): ReturnType<EngineCalls[Name]> {
    if (this.#ended !== undefined) return Promise.reject(this.#ended) as ReturnType<EngineCalls[Name]>;
    const id = ++this.#calls;
    const answer = this.#await(id);
    this.#worker.postMessage({ id, name, args }, transfer);
    return answer as ReturnType<EngineCalls[Name]>;
  }

  async stop(): Promise<void> {
    await this.#worker.terminate();
  }

  #await<T>(id: number): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      this.#pending.set(id, { resolve: resolve as (value: unknown) => void, reject });
    });
  }

  #settle(answer: Answer): void {
    const pending = this.#pending.get(answer.id);
    this.#pending.delete(answer.id);
    if ('result' in answer) pending?.resolve(answer.result);
    else pending?.reject(errorOf(answer.error));
  }

  #end(reason: Error): void {
    this.#ended ??= reason;
    for (const { reject } of this.#pending.values()) reject(this.#ended);
    this.#pending.clear();
  }
}
