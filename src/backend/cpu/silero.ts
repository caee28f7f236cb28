import { fileURLToPath } from 'node:url';
import { ModelError } from '../../errors.ts';
import { type SpeechListener, type SpeechModel, windowSamples } from '../../vad/speech-model.ts';
import type { Tensor } from './networks/description.ts';
import { type Network, openNetwork } from './networks/open-network.ts';
import { inputSamples, silero, stateSize } from './networks/silero.ts';

/** Ships with the program: assets/silero-vad/README.md says where it comes from. */
const weightsPath = fileURLToPath(new URL('../../../assets/silero-vad/silero-vad-16k.safetensors', import.meta.url));

/** Samples before a window that the model is shown again. */
const contextSamples = inputSamples - windowSamples;

/**
 * Loads the Silero voice activity detector (version 5 or 6, the form that takes many windows at once).
 *
 * It runs on the calling thread: asked about a second of sound it is back within a millisecond or two
 * (scripts/bench-vad.mjs), which is less than the way to another thread is worth.
 *
 * @param path other weights of the same form, for comparisons (scripts/write-silero-weights.mjs)
 * @throws ModelError 'VAD_LOAD_FAILED', 'CPU_ADDON_MISSING', 'CPU_ADDON_BROKEN' or 'CPU_LEVEL_UNSUPPORTED'
 */
export async function openSilero(path: string = weightsPath): Promise<SpeechModel> {
  const network = await openNetwork(silero, path).catch((cause: unknown) => {
    if (cause instanceof ModelError && cause.code.startsWith('CPU_')) throw cause;
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new ModelError('VAD_LOAD_FAILED', `${path}: the voice activity detector could not be loaded: ${reason}`, {
      hint: 'Install whisper-npu again.',
      cause,
    });
  });
  let isClosed = false;
  const run: Network['run'] = (inputs) => {
    if (isClosed) throw new ModelError('MODEL_CLOSED', 'the voice activity detector has been closed');
    return network.run(inputs);
  };
  return {
    listen: () => listen(run),
    async [Symbol.asyncDispose]() {
      isClosed = true;
      network[Symbol.dispose](); // once more does no harm
    },
  };
}

/** A voice activity detector for those who may never need it. */
export interface SpeechModelOnDemand extends AsyncDisposable {
  /** Loads it the first time. @throws as `openSilero()` does */
  get(): Promise<SpeechModel>;
}

export function sileroOnDemand(): SpeechModelOnDemand {
  let opened: Promise<SpeechModel> | undefined;
  return {
    get() {
      opened ??= openSilero();
      return opened;
    },
    async [Symbol.asyncDispose]() {
      const model = await opened?.catch(() => undefined); // whoever asked for it knows that it is not there
      await model?.[Symbol.asyncDispose]();
    },
  };
}

function listen(run: Network['run']): SpeechListener {
  let [hidden, cell] = [emptyState(), emptyState()];
  let context = new Float32Array(contextSamples);
  return {
    async push(samples) {
      const nWindows = samples.length / windowSamples;
      if (!Number.isInteger(nWindows))
        throw new RangeError(`Expected whole windows but received ${samples.length} samples`);
      if (nWindows === 0) return new Float32Array(0);
      const values = new Float32Array(nWindows * inputSamples);
      for (let window = 0; window < nWindows; window++) {
        const start = window * windowSamples;
        values.set(window === 0 ? context : samples.subarray(start - contextSamples, start), window * inputSamples);
        values.set(samples.subarray(start, start + windowSamples), window * inputSamples + contextSamples);
      }
      context = samples.slice(-contextSamples);
      const inputs = { samples: { shape: [nWindows, inputSamples, 1], values }, hidden, cell };
      const { probabilities, hiddenAfter, cellAfter } = run(inputs);
      if (probabilities === undefined || hiddenAfter === undefined || cellAfter === undefined)
        throw new Error('the voice activity detector gave no probabilities');
      [hidden, cell] = [hiddenAfter, cellAfter];
      return probabilities.values;
    },
  };
}

function emptyState(): Tensor {
  return { shape: [1, 1, stateSize], values: new Float32Array(stateSize) };
}
