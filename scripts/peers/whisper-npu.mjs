import { benchRequest } from '../../dist/bench/measure.js';
import { logMelSpectrogram } from '../../dist/features/log-mel.js';
import { openModel } from '../../dist/setup/open-model.js';
import { transcribe } from '../../dist/transcribe/transcribe.js';

/** Ourselves, through the same calls as the command line. */
export function ourselves(dtype) {
  return { name: `whisper-npu ${dtype}`, options: {}, start: (work) => start(dtype, work) };
}

async function start(dtype, { model, samples, tokens, language, threads, cpuLevel, storeDirectory }) {
  const context = { storeDirectory, env: process.env, offline: true };
  const loaded = await openModel({ model, context, threads, cpuLevel, device: { kind: 'cpu' }, dtype });
  const text =
    tokens === undefined ? wholeText(loaded, samples, language) : fewTokens(loaded, samples, language, tokens);
  return {
    label: `whisper-npu ${dtype}${cpuLevel === undefined ? '' : ` (${cpuLevel})`}`,
    async transcribe() {
      const started = performance.now();
      const said = await text();
      return { seconds: (performance.now() - started) / 1000, text: said };
    },
    close: () => loaded[Symbol.asyncDispose](),
  };
}

function wholeText(loaded, samples, language) {
  const recording = {
    async *samples() {
      yield samples;
    },
  };
  // As the others are asked: one greedy try per window, which is not told what was said before.
  const options = { language, temperatures: [0], conditionOnPreviousText: false };
  return async () => {
    let text = '';
    for await (const segment of transcribe(loaded, recording, options)) text += segment.text;
    return text;
  };
}

function fewTokens({ backend, rules, tokenizer }, samples, language, tokens) {
  const { nMels, nTextCtx } = backend.dimensions;
  const request = benchRequest(rules, nTextCtx, language, tokens);
  return async () => {
    const audio = await backend.encode([logMelSpectrogram(samples, nMels)]);
    const run = await audio.startDecoder();
    const { sequences } = await run.greedy(request);
    const text = tokenizer.decode(sequences[0].tokens);
    await audio[Symbol.asyncDispose]();
    return text;
  };
}
