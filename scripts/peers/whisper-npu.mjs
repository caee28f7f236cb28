import { openAudio } from '../../dist/audio/open-audio.js';
import { openModel } from '../../dist/open-model.js';
import { transcribe } from '../../dist/transcribe/transcribe.js';

/** Ourselves, through the same calls as the command line. */
export async function start({ model, audio, language, threads, storeDirectory }) {
  const context = { storeDirectory, env: process.env, offline: true };
  const loaded = await openModel({ model, context, threads, device: { kind: 'cpu' }, dtype: 'f32' });
  const stream = await openAudio(audio, {});
  const blocks = [];
  for await (const block of stream.samples) blocks.push(block);
  await stream[Symbol.asyncDispose]();
  return {
    label: 'whisper-npu f32',
    async transcribe() {
      const started = performance.now();
      let text = '';
      const samples = (async function* () {
        yield* blocks;
      })();
      for await (const segment of transcribe(loaded, samples, { language, task: 'transcribe' })) text += segment.text;
      return { seconds: (performance.now() - started) / 1000, text };
    },
    close: () => loaded[Symbol.asyncDispose](),
  };
}
