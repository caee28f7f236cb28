import { startChild } from './child-peer.mjs';

export const openaiWhisper = {
  name: 'openai-whisper',
  options: { python: { type: 'string' }, 'hf-model': { type: 'string' } },
  start,
};

async function start({ samplesFile, isLong, language, threads, tokens = 0 }, { python, 'hf-model': folder }) {
  if (python === undefined) return { absent: 'give a Python that has it with --python' };
  if (folder === undefined)
    return { absent: 'give a folder with --hf-model (scripts/export-safetensors.mjs makes one)' };
  return startChild(python, 'openai-whisper.py', [folder, samplesFile, language, threads, isLong, tokens]);
}
