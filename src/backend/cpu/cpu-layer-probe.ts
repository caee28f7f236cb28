import ort from 'onnxruntime-node';
import type { ModelDimensions } from '../../model/dimensions.ts';
import { isTap, type LayerProbe, logitsTap, type Taps } from '../layer-probe.ts';
import { TextTree, visibilityBias } from '../text-tree.ts';

export interface CpuProbeOptions {
  /** ONNX graphs with taps, and the one from the decoder's state to logits. */
  readonly graphs: { readonly encoder: Uint8Array; readonly decoder: Uint8Array; readonly logits: Uint8Array };
  /** The folder with the weights that the graphs point into. */
  readonly directory: string;
  readonly dimensions: ModelDimensions;
  readonly threads: number;
}

type Tensors = Readonly<Record<string, ort.Tensor>>;

/** Loads graphs with taps into ONNX Runtime. It runs on the calling thread and blocks it for the time of one window. */
export async function openCpuLayerProbe(options: CpuProbeOptions): Promise<LayerProbe> {
  const { graphs, directory, dimensions, threads } = options;
  const load = (graph: Uint8Array) =>
    ort.InferenceSession.create(graph, {
      executionProviders: ['cpu'],
      intraOpNumThreads: threads,
      interOpNumThreads: 1,
      extra: { session: { model_external_initializers_file_folder_path: directory } },
    });
  const encoder = await load(graphs.encoder);
  const decoder = await load(graphs.decoder);
  const logits = await load(graphs.logits);
  return {
    async run(logMel, tokens, streams, signal) {
      signal?.throwIfAborted();
      const { nMels, nAudioCtx, nTextState } = dimensions;
      const window = new ort.Tensor('float32', logMel, [1, nMels, 2 * nAudioCtx]);
      const encoded = await encoder.run({ log_mel: window, ...inputsOf(encoder, streams) });
      signal?.throwIfAborted();
      const decoded = await decoder.run({
        ...textInputs(tokens, dimensions),
        ...crossKvOf(encoded),
        ...inputsOf(decoder, streams),
      });
      signal?.throwIfAborted();
      const last = valuesOf(decoded, 'hidden').subarray(-nTextState);
      const head = await logits.run({ hidden: new ort.Tensor('float32', last, [1, nTextState]) });
      return new Map([...taps(encoded), ...taps(decoded), [logitsTap, valuesOf(head, 'logits')]]);
    },
    async [Symbol.asyncDispose]() {
      for (const session of [encoder, decoder, logits]) await session.release();
    },
  };
}

/** Those of the given streams that a graph asks for. */
function inputsOf(session: ort.InferenceSession, streams: Taps): Tensors {
  const asked = session.inputNames.flatMap((name) => {
    const values = streams.get(name);
    return values === undefined ? [] : [[name, values] as const];
  });
  return Object.fromEntries(asked.map(([name, values]) => [name, rowsOf(session, name, values)]));
}

function rowsOf(session: ort.InferenceSession, name: string, values: Float32Array): ort.Tensor {
  const metadata = session.inputMetadata.find((input) => input.name === name);
  const state = metadata?.isTensor ? Number(metadata.shape.at(-1)) : values.length;
  return new ort.Tensor('float32', values, [values.length / state, state]);
}

/** A whole text in one step, over an empty cache. */
function textInputs(tokens: readonly number[], dimensions: ModelDimensions): Tensors {
  const { nTextLayer, nTextState } = dimensions;
  const plan = new TextTree(1, dimensions).plan({ tokens: [tokens] });
  const n = tokens.length;
  return {
    tokens: new ort.Tensor('int32', plan.tokens, [n]),
    positions: new ort.Tensor('int32', plan.positions, [n]),
    bias: new ort.Tensor('float32', visibilityBias(plan, 0), [n, n]),
    self_kv: new ort.Tensor('float32', new Float32Array(), [0, nTextLayer, 2, nTextState]),
  };
}

function crossKvOf(encoded: Tensors): Tensors {
  return Object.fromEntries(Object.entries(encoded).filter(([name]) => name.startsWith('cross_')));
}

function valuesOf(outputs: Tensors, name: string): Float32Array {
  const data = outputs[name]?.data;
  if (!(data instanceof Float32Array)) throw new Error(`the graph gives no ${name}`);
  return data;
}

/** What a graph gives besides what decoding needs. */
function taps(outputs: Tensors): [string, Float32Array][] {
  return Object.keys(outputs)
    .filter(isTap)
    .map((name) => [name, valuesOf(outputs, name)]);
}
