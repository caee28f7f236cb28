import { startChild } from './child-peer.mjs';

/** Reads the same CTranslate2 folder as we do. */
export function fasterWhisper(type) {
  return {
    name: `faster-whisper ${type}`,
    options: { python: { type: 'string' } },
    start: (work, flags) => start(type, work, flags),
  };
}

async function start(type, { directory, format, samplesFile, isLong, language, threads, tokens = 0 }, { python }) {
  if (python === undefined) return { absent: 'give a Python that has it with --python' };
  if (format !== 'ctranslate2') return { absent: 'the model is no CTranslate2 folder' };
  return startChild(python, 'faster-whisper.py', [directory, samplesFile, language, threads, type, isLong, tokens]);
}
