import { npuDecoderGraph } from '../graph/npu-decoder.ts';
import { npuEncoderGraph } from '../graph/npu-encoder.ts';
import { type NpuGreedyShape, npuGreedyGraph } from '../graph/npu-greedy.ts';
import type { NpuDtype } from '../graph/npu-layers.ts';
import { type NpuRowsShape, npuRowsGraph } from '../graph/npu-rows.ts';
import type { WeightLayout } from '../graph/weights.ts';
import { alignmentHeads } from '../model/alignment-heads.ts';
import type { Checkpoint } from '../model/checkpoint.ts';
import type { ModelDimensions } from '../model/dimensions.ts';
import { tokenKinds } from '../model/token-kinds.ts';

/** The uses of a model, beyond greedy decoding of one window at a time, that it is converted graphs for. */
export interface NpuVariants {
  /** The number of beams, hypotheses of one window that are decoded together; 1 by default. */
  readonly beams?: number;
  /** Windows that are decoded together; 1 by default. */
  readonly windows?: number;
  /** Whether word times are wanted, for which a graph returns the alignment heads' attention. */
  readonly wordTimes?: boolean;
  /** Whether comparisons block by block are wanted, as `accuracy` makes them. */
  readonly layers?: boolean;
}

/** A graph, which becomes one OM file. */
export interface NpuGraph {
  /** The name of its files, without extension. */
  readonly name: string;
  /** Whether weights are kept outside the OM file: all decoders share them, so they are on the device only once. */
  readonly externalWeights: boolean;
  /** Whether it has convolutions, for which atc must be told to compute float32 in float32. */
  readonly convolves: boolean;
  write(layout: WeightLayout, dtype: NpuDtype): Uint8Array;
}

/** Names of the graphs for comparisons block by block. */
const layerGraphNames = { encoder: 'layers-encoder', decoder: 'layers-decoder' } as const;

/** How many tokens a decoder takes in one execution: one for a step, four for the prefill of a prompt. */
const decoderWidths = [1, 4] as const;

/**
 * Tokens that the graph for long prompts, and the aligner, take at once. Up to some 350 tokens a 910B4 should wait for the
 * weights longer than it computes (by arithmetic: 2 FLOP per weight and token at 280 TFLOPS, 2 bytes per weight at 0.8
 * TB/s), so 64 take hardly longer than one, and the longest prompt, 227 tokens, takes four executions. More at once would
 * make every short one wait for padding rows.
 */
const promptWidth = 64;

/** The graphs of a model: those that every model has, then those that the variants need. */
export function npuGraphs(
  checkpoint: Pick<Checkpoint, 'dimensions' | 'generation'>,
  { beams = 1, windows = 1, wordTimes = false, layers = false }: NpuVariants,
): NpuGraph[] {
  const { dimensions } = checkpoint;
  const { nTextCtx } = dimensions;
  const kinds = tokenKinds(checkpoint);
  const wide = { rows: Math.min(promptWidth, nTextCtx), windows: 1, capacity: nTextCtx };
  // At most half of the text context is prompt, which the beams share, and the other half are new tokens of each beam.
  const capacity = Math.ceil(((1 + beams) * nTextCtx) / 2);
  const greedyGraphs = (shape: { windows: number; capacity: number }): NpuGraph[] =>
    kinds === undefined ? [] : [greedyGraph(dimensions, { ...shape, kinds })];
  // Beam search needs one more than the beams; twice as many are computed.
  const candidates = beams > 1 ? Math.min(2 * beams, dimensions.nVocab) : 0;
  const graphs: NpuGraph[] = [
    {
      name: 'encoder',
      externalWeights: false,
      convolves: true,
      write: (layout, dtype) => npuEncoderGraph(dimensions, layout, dtype),
    },
    ...decoderWidths.map((width) => ({
      name: `decoder-${width}`,
      externalWeights: true,
      convolves: false,
      write: (layout: WeightLayout, dtype: NpuDtype) => npuDecoderGraph(dimensions, layout, dtype, width),
    })),
    rowsGraph(dimensions, wide),
    ...greedyGraphs({ windows: 1, capacity: nTextCtx }),
  ];
  if (beams > 1) graphs.push(rowsGraph(dimensions, { rows: beams, windows: 1, capacity, candidates }));
  // With beams, decoding is not greedy.
  if (windows > 1 && beams === 1) graphs.push(...greedyGraphs({ windows, capacity }));
  if (windows > 1) graphs.push(rowsGraph(dimensions, { rows: windows * beams, windows, capacity, candidates }));
  if (wordTimes) {
    const shape = { ...wide, alignmentHeads: alignmentHeads(checkpoint) };
    graphs.push({
      name: `aligner-${wide.rows}`,
      externalWeights: true,
      convolves: false,
      write: (layout, dtype) => npuRowsGraph(dimensions, layout, dtype, shape),
    });
  }
  return layers ? [...graphs, ...layerGraphs(dimensions)] : graphs;
}

function greedyGraph(dimensions: ModelDimensions, shape: NpuGreedyShape): NpuGraph {
  const { windows, capacity, kinds } = shape;
  return {
    name: `greedy-${windows}-${capacity}-${kinds.eot}-${kinds.timestampBegin}`,
    externalWeights: true,
    convolves: false,
    write: (layout, dtype) => npuGreedyGraph(dimensions, layout, dtype, shape),
  };
}

function rowsGraph(dimensions: ModelDimensions, shape: NpuRowsShape): NpuGraph {
  const { rows, windows, capacity, candidates = 0 } = shape;
  return {
    name: ['rows', rows, windows, capacity, ...(candidates > 0 ? [candidates] : [])].join('-'),
    externalWeights: true,
    convolves: false,
    write: (layout, dtype) => npuRowsGraph(dimensions, layout, dtype, shape),
  };
}

/** Encoder and decoder with inputs and outputs for every block (graph/taps.ts). */
function layerGraphs(dimensions: ModelDimensions): NpuGraph[] {
  return [
    {
      name: layerGraphNames.encoder,
      externalWeights: false,
      convolves: true,
      write: (layout, dtype) => npuEncoderGraph(dimensions, layout, dtype, true),
    },
    {
      name: layerGraphNames.decoder,
      externalWeights: true,
      convolves: false,
      write: (layout, dtype) => npuDecoderGraph(dimensions, layout, dtype, 1, true),
    },
  ];
}
