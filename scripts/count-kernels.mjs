/**
 * Counts what a step costs on an NPU, from the graphs: kernels and bytes read, by model, type and everyday way.
 *
 *   npm run build && node scripts/count-kernels.mjs [--json] [MODEL...]
 *
 * It knows a graph and no device: which passes match is known of GE's own alone (`kernels`); `fused` believes the list of passes
 * of a 910B; `model ms` is what an execution takes on a dry device of the stand-in (test/stand-in/README.md): a model, not measured. What lies between kernels in a cache on the chip is counted as read like everything else.
 */
import { parseArgs } from 'node:util';
import { npuGraphs } from '../dist/convert/npu-graphs.js';
import { npuWeightType } from '../dist/graph/npu-layers.js';
import { layOutWeights } from '../dist/graph/weights.js';
import { whisperTensors } from '../dist/model/tensor-names.js';
import { countKernels, kernelsOf, modelledMs } from '../test/stand-in/kernels/count.mjs';

const common = { nMels: 80, nAudioCtx: 1500, nTextCtx: 448, nVocab: 51865 };
const sized = (state, heads, layers, changes = {}) => ({
  ...common,
  nAudioState: state,
  nAudioHead: heads,
  nAudioLayer: layers,
  nTextState: state,
  nTextHead: heads,
  nTextLayer: layers,
  ...changes,
});
const models = {
  'tiny.en': sized(384, 6, 4, { nVocab: 51864 }),
  base: sized(512, 8, 6),
  medium: sized(1024, 16, 24),
  'large-v3': sized(1280, 20, 32, { nMels: 128, nVocab: 51866 }),
};

/** Which graph computes a step of each way: the first that there is. */
const ways = {
  encoder: { variants: {}, wanted: [/^encoder$/] },
  greedy: { variants: {}, wanted: [/^greedy-1-/] },
  'greedy with timestamps': { variants: {}, wanted: [/^greedy-1-/] },
  '8 windows': { variants: { windows: 8 }, wanted: [/^greedy-8-/, /^rows-8-8-/] },
  '5 beams': { variants: { beams: 5 }, wanted: [/^rows-5-1-/] },
};

const { values, positionals } = parseArgs({ options: { json: { type: 'boolean' } }, allowPositionals: true });
const unknown = positionals.find((name) => !(name in models));
if (unknown !== undefined) throw new Error(`there is no model ${unknown}: ${Object.keys(models).join(', ')}`);
const figures = (positionals.length > 0 ? positionals : Object.keys(models)).flatMap((model) =>
  ['f16', 'f32'].flatMap((dtype) => figuresOf(model, dtype)),
);
if (values.json) console.log(JSON.stringify(figures, undefined, 2));
else
  console.table(
    figures.map(({ weightBytes, readBytes, ...rest }) => ({ ...rest, ...inMegabytes({ weightBytes, readBytes }) })),
  );

function figuresOf(model, dtype) {
  const dimensions = models[model];
  const layout = layOutWeights(
    Array.from(whisperTensors(dimensions), ([name, shape]) => [name, { type: npuWeightType(name, dtype), shape }]),
  );
  return Object.entries(ways).map(([way, { variants, wanted }]) => {
    const graphs = npuGraphs({ dimensions, generation: { alignmentHeads: [] } }, variants);
    const [graph] = wanted.flatMap((pattern) => graphs.filter(({ name }) => pattern.test(name)));
    if (graph === undefined) throw new Error(`no graph is known to compute ${way}`);
    const bytes = graph.write(layout, dtype);
    return { model, dtype, way, graph: graph.name, ...countKernels(bytes), 'model ms': modelledMs(kernelsOf(bytes)) };
  });
}

function inMegabytes({ weightBytes, readBytes }) {
  const megabytes = (bytes) => Number((bytes / 1e6).toFixed(1));
  return { 'weights MB': megabytes(weightBytes), 'read MB': megabytes(readBytes) };
}
