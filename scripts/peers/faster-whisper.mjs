import { startChild } from './child-peer.mjs';

/** Reads the same CTranslate2 folder as we do. */
export const fasterWhisper = {
  name: 'faster-whisper',
  options: { python: { type: 'string' } },
  start,
};

async function start({ directory, format, samplesFile, isLong, language, threads, tokens = 0 }, { python }) {
  if (python === undefined) return { absent: 'give a Python that has it with --python' };
  if (format !== 'ctranslate2') return { absent: 'the model is no CTranslate2 folder' };
  const args = [directory, samplesFile, language, threads];
  const types = ['float32', 'int8'];
  return Promise.all(types.map((type) => startChild(python, 'faster-whisper.py', [...args, type, isLong, tokens])));
}
