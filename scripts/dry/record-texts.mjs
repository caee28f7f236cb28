/** What a model writes over each window, in the form that dry devices of the stand-in replay (test/stand-in/README.md). */

/** How much of a log-mel spectrogram its key is made of: what a dry device keeps of it. */
const keyWords = 4096;

/** FNV-1a over the beginning of a window's log-mel spectrogram, as the stand-in reckons it (test/stand-in/library/dry_replay.cc). */
function windowKey(logMel) {
  const words = new Uint32Array(logMel.buffer, logMel.byteOffset, Math.min(logMel.length, keyWords));
  const key = words.reduce((hash, word) => Math.imul(hash ^ word, 0x01000193), 0x811c9dc5);
  return (key >>> 0).toString(16).padStart(8, '0');
}

/**
 * The same model, which tells what it writes.
 *
 * @param onLine given a line for each text over a window: the window's key, the place of the text's first token, its tokens
 */
export function recordTexts(model, onLine) {
  const { backend } = model;
  const recording = {
    device: backend.device,
    dimensions: backend.dimensions,
    givesAttention: backend.givesAttention,
    async encode(logMels, signal) {
      const keys = logMels.map(windowKey); // before the backend takes the memory
      return recordedAudio(await backend.encode(logMels, signal), keys, onLine);
    },
    [Symbol.asyncDispose]: () => backend[Symbol.asyncDispose](),
  };
  return { ...model, backend: recording };
}

function recordedAudio(audio, keys, onLine) {
  return {
    count: audio.count,
    encoderOutput: (window) => audio.encoderOutput(window),
    async startDecoder(window) {
      return recordedRun(await audio.startDecoder(window), window === undefined ? keys : [keys[window]], onLine);
    },
    [Symbol.asyncDispose]: () => audio[Symbol.asyncDispose](),
  };
}

function recordedRun(run, keys, onLine) {
  /** Tokens that each text has. */
  let length = 0;
  return {
    async forward(step, signal) {
      const result = await run.forward(step, signal);
      length += step.tokens[0].length;
      return result;
    },
    candidates: (...asked) => run.candidates(...asked),
    async ask(tokens, of, signal) {
      const logprobs = await run.ask(tokens, of, signal);
      length += tokens[0].length - 1;
      return logprobs;
    },
    async greedy(request, signal) {
      const result = await run.greedy(request, signal);
      for (const [i, { tokens }] of result.texts.entries())
        onLine([keys[i], length + request.prompts[i].length, ...tokens].join(' '));
      return result;
    },
    [Symbol.asyncDispose]: () => run[Symbol.asyncDispose](),
  };
}
