/**
 * How far the 8-bit screen of the vocabulary (src/graph/vocabulary.ts) is from f32 on real speech: the largest error over
 * all tokens and steps, and the margins of the choices.
 *
 *   npm run build && node scripts/measure-screen.mjs samples/*.wav
 */
import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import ort from 'onnxruntime-node';
import { openAudio } from '../dist/audio/open-audio.js';
import { windows } from '../dist/audio/windows.js';
import { prepareCpu } from '../dist/convert/prepare-cpu.js';
import { logMelSpectrogram, nSamples } from '../dist/features/log-mel.js';
import { cpuLayers } from '../dist/graph/cpu-layers.js';
import { createGraph } from '../dist/graph/onnx.js';
import { quantisedShapes } from '../dist/graph/quantise.js';
import { embedding, layOutWeights } from '../dist/graph/weights.js';
import { openCheckpoint } from '../dist/model/checkpoint.js';
import { resolveModel } from '../dist/model/resolve-model.js';
import { specialTokens } from '../dist/model/special-tokens.js';
import { storeDirectory } from '../dist/model/store.js';

const store = storeDirectory(process.env);
const { directory, name } = await resolveModel('whisper-base', { storeDirectory: store, env: process.env });
const checkpoint = await openCheckpoint(directory);
const { dimensions } = checkpoint;
const { nMels, nAudioCtx, nTextCtx, nTextLayer, nTextState, nVocab } = dimensions;
const prepared = await prepareCpu(checkpoint, { store, model: name });

/** The screen's product on its own. */
function screenGraph() {
  const own = [...checkpoint.tensors].map(([tensor, { shape }]) => [tensor, { type: 'f32', shape }]);
  const layout = layOutWeights([...own, ...quantisedShapes(embedding, 'blocks', [nVocab, nTextState])]);
  const graph = createGraph('screen', 17);
  const hidden = graph.input('hidden', 'f32', [1, nTextState]);
  const screened = cpuLayers(graph, layout, dimensions).int8Product(hidden, embedding);
  graph.output('screened', screened, 'f32', [1, nVocab]);
  return graph.serialize();
}

const open = (file) => ort.InferenceSession.create(join(prepared, file));
const screenFile = 'screen.tmp.onnx';
await writeFile(join(prepared, screenFile), screenGraph());
const [encoder, decoder, logits, screen] = await Promise.all(
  ['encoder.onnx', 'decoder.onnx', 'logits.onnx', screenFile].map(open),
);
await rm(join(prepared, screenFile));

const special = specialTokens(nVocab);
const prompt = [special.sot, special.languages.get('en'), special.transcribe, special.noTimestamps];
const suppress = new ort.Tensor('float32', new Float32Array(nVocab), [nVocab]);
const rowSize = nTextLayer * 2 * nTextState;
let largest = 0;
const margins = [];

async function measure(crossKv) {
  const cache = new Float32Array(nTextCtx * rowSize);
  const rows = (from, to) =>
    new ort.Tensor('float32', cache.subarray(from * rowSize, to * rowSize), [to - from, nTextLayer, 2, nTextState]);
  let past = 0;
  for (let tokens = prompt; tokens[0] !== special.eot && past + tokens.length <= nTextCtx; ) {
    const n = tokens.length;
    const positions = Int32Array.from(tokens, (_, i) => past + i);
    const bias = Float32Array.from({ length: n * (past + n) }, (_, i) =>
      i % (past + n) > past + Math.floor(i / (past + n)) ? -1e9 : 0,
    );
    const step = await decoder.run(
      {
        ...crossKv,
        tokens: new ort.Tensor('int32', Int32Array.from(tokens), [n]),
        positions: new ort.Tensor('int32', positions, [n]),
        bias: new ort.Tensor('float32', bias, [n, past + n]),
        self_kv: rows(0, past),
        suppress,
        chosen: new ort.Tensor('int32', Int32Array.of(n - 1), [1]),
      },
      { new_kv: rows(past, past + n), hidden: null, next_token: null, margin: null },
    );
    const last = new ort.Tensor('float32', step.hidden.data.slice(-nTextState), [1, nTextState]);
    const exact = (await logits.run({ hidden: last })).logits.data;
    const screened = (await screen.run({ hidden: last })).screened.data;
    for (let i = 0; i < nVocab; i++) largest = Math.max(largest, Math.abs(exact[i] - screened[i]));
    margins.push(step.margin.data[0]);
    past += n;
    tokens = [step.next_token.data[0]];
  }
}

for (const path of process.argv.slice(2)) {
  const audio = await openAudio(path, {});
  for await (const window of windows(audio.samples, nSamples)) {
    const logMel = new ort.Tensor('float32', logMelSpectrogram(window, nMels), [1, nMels, 2 * nAudioCtx]);
    const { encoder_output: _, ...crossKv } = await encoder.run({ log_mel: logMel });
    await measure(crossKv);
  }
}
margins.sort((a, b) => a - b);
const at = (share) => margins[Math.floor(share * (margins.length - 1))].toFixed(2);
console.log(`${margins.length} steps; largest error of a screened logit ${largest.toFixed(4)}`);
console.log(`margins: least ${at(0)}, 1 % ${at(0.01)}, median ${at(0.5)}`);
