/** transformers.js behind one line of JSON per request: any line in, {"seconds", "text"} out. */
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { basename, dirname, join, resolve } from 'node:path';
import { createInterface } from 'node:readline';
import { pathToFileURL } from 'node:url';

const [folder, model, samplesFile, language, threads, isLong, tokens] = process.argv.slice(2);
const print = (value) => process.stdout.write(`${JSON.stringify(value)}\n`);

function find() {
  try {
    return createRequire(join(resolve(folder), 'here.js')).resolve('@huggingface/transformers');
  } catch (error) {
    print({ absent: error.message.split('\n')[0] });
    process.exit();
  }
}

const { pipeline, env } = await import(pathToFileURL(find()));

env.allowRemoteModels = false;
env.localModelPath = dirname(resolve(model));
const task = 'automatic-speech-recognition';
const session_options = { intraOpNumThreads: Number(threads) };
const transcribe = await pipeline(task, basename(resolve(model)), { dtype: 'fp32', device: 'cpu', session_options });
const bytes = readFileSync(samplesFile);
const samples = new Float32Array(bytes.buffer, bytes.byteOffset, bytes.length / 4);
const isMultilingual = transcribe.model.generation_config?.is_multilingual !== false;
const length = tokens === '0' ? {} : { min_new_tokens: Number(tokens), max_new_tokens: Number(tokens) };
// It has no other way through a long recording than windows that overlap.
const chunks = isLong === 'true' ? { chunk_length_s: 30, stride_length_s: 5, return_timestamps: true } : {};
const options = { ...chunks, ...(isMultilingual ? { language, task: 'transcribe' } : {}), ...length };
print({ label: `transformers.js ${env.version} f32` });
for await (const _ of createInterface({ input: process.stdin })) {
  const started = performance.now();
  const { text } = await transcribe(samples, options);
  print({ seconds: (performance.now() - started) / 1000, text });
}
