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
  const backend = changed(model.backend, {
    async encode(logMels, signal) {
      const keys = logMels.map(windowKey); // before the backend takes the memory
      return recordedAudio(await model.backend.encode(logMels, signal), keys, onLine);
    },
  });
  return { ...model, backend };
}

function recordedAudio(audio, keys, onLine) {
  return changed(audio, {
    async startDecoder(window) {
      return recordedRun(await audio.startDecoder(window), window === undefined ? keys : [keys[window]], onLine);
    },
  });
}

function recordedRun(run, keys, onLine) {
  /** Tokens that each text has. */
  let length = 0;
  return changed(run, {
    async forward(step, signal) {
      const result = await run.forward(step, signal);
      length += step.tokens[0].length;
      return result;
    },
    async nextLogprobs(tokens, wanted, signal) {
      const logprobs = await run.nextLogprobs(tokens, wanted, signal);
      length += tokens[0].length - 1;
      return logprobs;
    },
    async greedy(request, signal) {
      const result = await run.greedy(request, signal);
      for (const [i, { tokens }] of result.sequences.entries())
        onLine([keys[i], length + request.prompts[i].length, ...tokens].join(' '));
      return result;
    },
  });
}

/** An object with other methods in place of some of its own. */
function changed(object, methods) {
  return new Proxy(object, {
    get(target, name) {
      const value = methods[name] ?? target[name];
      return typeof value === 'function' ? value.bind(target) : value;
    },
  });
}
