import { startChild } from './child-peer.mjs';

/** Both take a folder of safetensors. */
export const transformers = peer('transformers (PyTorch)', 'transformers.py');
export const openaiWhisper = peer('openai-whisper', 'openai-whisper.py');

function peer(name, script) {
  return {
    name,
    options: { python: { type: 'string' }, 'hf-model': { type: 'string' } },
    async start({ samplesFile, isLong, language, threads, tokens = 0 }, { python, 'hf-model': folder }) {
      if (python === undefined) return { absent: 'give a Python that has it with --python' };
      if (folder === undefined)
        return { absent: 'give a folder with --hf-model (scripts/export-safetensors.mjs makes one)' };
      return startChild(python, script, [folder, samplesFile, language, threads, isLong, tokens]);
    },
  };
}
