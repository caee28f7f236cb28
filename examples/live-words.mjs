/** Prints words with their times as they are found, speech only, until Ctrl-C: node examples/live-words.mjs talk.mp3 */
import { loadModel, openRecording, openSilero, transcribe } from 'whisper-npu';

const [file = 'samples/espeak-en-16k.wav'] = process.argv.slice(2);
const aborter = new AbortController();
process.once('SIGINT', () => aborter.abort());
const { signal } = aborter;

const [model, speechModel] = await Promise.all([loadModel({ model: 'whisper-base', signal }), openSilero()]);
const audio = await openRecording(file, { signal });
try {
  const options = { wordTimestamps: true, speech: { model: speechModel }, signal };
  for await (const { words = [] } of transcribe(model, audio, options))
    for (const { startSeconds, text, probability } of words)
      console.log(`${startSeconds.toFixed(2).padStart(8)} ${text.trim()} (${(100 * probability).toFixed(0)} %)`);
} catch (error) {
  if (!signal.aborted) throw error;
} finally {
  for (const resource of [audio, speechModel, model]) await resource[Symbol.asyncDispose]();
}
