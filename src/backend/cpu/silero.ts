import { fileURLToPath } from 'node:url';
import ort from 'onnxruntime-node';
import { ModelError } from '../../errors.ts';
import { type SpeechListener, type SpeechModel, windowSamples } from '../../vad/speech-model.ts';

/** Ships with the program: assets/silero-vad/README.md says where it comes from. */
const modelPath = fileURLToPath(new URL('../../../assets/silero-vad/silero_vad_16k_sequence.onnx', import.meta.url));

/** Samples before a window that the model is shown again. */
const contextSamples = 64;
const stateSize = 128;

/**
 * Loads the Silero voice activity detector (version 5 or 6, the form that takes many windows at once).
 *
 * It runs on the calling thread, in one thread: asked about a second of sound it is back within a millisecond or two
 * (scripts/bench-vad.mjs), which is less than the way to another thread is worth.
 *
 * @param path another model of the same form, for comparisons
 * @throws ModelError ('VAD_LOAD_FAILED')
 */
export async function openSilero(path: string = modelPath): Promise<SpeechModel> {
  const options: ort.InferenceSession.SessionOptions = {
    executionProviders: ['cpu'],
    intraOpNumThreads: 1,
    interOpNumThreads: 1,
    enableCpuMemArena: false,
  };
  const session = await ort.InferenceSession.create(path, options).catch((cause: unknown) => {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new ModelError('VAD_LOAD_FAILED', `${path}: the voice activity detector could not be loaded: ${reason}`, {
      hint: 'Install whisper-npu again.',
      cause,
    });
  });
  let isClosed = false;
  const run: Run = async (feeds) => {
    if (isClosed) throw new ModelError('MODEL_CLOSED', 'the voice activity detector has been closed');
    return session.run(feeds);
  };
  return {
    listen: () => listen(run),
    async [Symbol.asyncDispose]() {
      if (isClosed) return;
      isClosed = true;
      await session.release();
    },
  };
}

type Run = (feeds: ort.InferenceSession.FeedsType) => Promise<ort.InferenceSession.ReturnType>;

function listen(run: Run): SpeechListener {
  let [hidden, cell] = [emptyState(), emptyState()];
  let context = new Float32Array(contextSamples);
  return {
    async push(samples) {
      const nWindows = samples.length / windowSamples;
      if (!Number.isInteger(nWindows))
        throw new RangeError(`Expected whole windows but received ${samples.length} samples`);
      if (nWindows === 0) return new Float32Array(0);
      const width = contextSamples + windowSamples;
      const input = new Float32Array(nWindows * width);
      for (let window = 0; window < nWindows; window++) {
        const start = window * windowSamples;
        input.set(window === 0 ? context : samples.subarray(start - contextSamples, start), window * width);
        input.set(samples.subarray(start, start + windowSamples), window * width + contextSamples);
      }
      context = samples.slice(-contextSamples);
      const feeds = { input: new ort.Tensor('float32', input, [nWindows, width]), h: hidden, c: cell };
      const { speech_probs, hn, cn } = await run(feeds);
      if (speech_probs === undefined || hn === undefined || cn === undefined)
        throw new Error('the voice activity detector gave no probabilities');
      [hidden, cell] = [hn, cn];
      return speech_probs.data as Float32Array;
    },
  };
}

function emptyState(): ort.Tensor {
  return new ort.Tensor('float32', new Float32Array(stateSize), [1, 1, stateSize]);
}
