import { startChild } from './child-peer.mjs';

/** In a process of its own: two versions of ONNX Runtime in one would get in each other's way. */
export const transformersJs = {
  name: 'transformers.js',
  options: { 'transformers-js': { type: 'string' }, 'onnx-model': { type: 'string' } },
  start,
};

async function start(
  { samplesFile, isLong, language, threads, tokens = 0 },
  { 'transformers-js': folder, 'onnx-model': model },
) {
  if (folder === undefined) return { absent: 'give the folder whose node_modules has it with --transformers-js' };
  if (model === undefined) return { absent: 'give a folder with tokenizer.json and onnx/ with --onnx-model' };
  const args = [folder, model, samplesFile, language, threads, isLong, tokens];
  return startChild(process.execPath, 'transformers-js-child.mjs', args);
}
