import { openModel } from '../../dist/open-model.js';
import { transcribe } from '../../dist/transcribe/transcribe.js';

/** Ourselves, through the same calls as the command line. */
export const ourselves = {
  name: 'whisper-npu',
  options: {},
  start,
};

async function start(work) {
  return [await startWith('float32', work), await startWith('int8', work)];
}

async function startWith(dtype, { model, samples, language, threads, storeDirectory }) {
  const context = { storeDirectory, env: process.env, offline: true };
  const loaded = await openModel({ model, context, threads, device: { kind: 'cpu' }, dtype });
  const recording = {
    async *samples() {
      yield samples;
    },
  };
  // As the others are asked: one greedy try per window, which is not told what was said before.
  const options = { language, temperatures: [0], conditionOnPreviousText: false };
  return {
    label: `whisper-npu ${dtype}`,
    async transcribe() {
      const started = performance.now();
      let text = '';
      for await (const segment of transcribe(loaded, recording, options)) text += segment.text;
      return { seconds: (performance.now() - started) / 1000, text };
    },
    close: () => loaded[Symbol.asyncDispose](),
  };
}
