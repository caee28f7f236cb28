import { type LayerProbe, logitsTap, type Taps } from '../backend/layer-probe.ts';
import { blockTensor } from '../graph/taps.ts';
import type { ModelDimensions } from '../model/dimensions.ts';
import { compareVectors, type VectorDifference } from './compare.ts';

export type BlockKind = 'embedding' | 'self-attention' | 'cross-attention' | 'feed-forward' | 'output';

/** A part of the model that adds to the residual stream, begins it or ends it. */
export interface Block {
  /** As graph/taps.ts names it. */
  readonly name: string;
  readonly part: 'encoder' | 'decoder';
  /** Undefined before the first layer and behind the last. */
  readonly layer?: number;
  readonly kind: BlockKind;
}

/** A block on both sides, each starting from the reference's stream, so that nothing accumulates. */
export interface BlockDifference extends Block, VectorDifference {}

export interface LayerComparison {
  /** In the order of computation. */
  readonly blocks: readonly BlockDifference[];
  /** Those that differ by more than is usual, in the order of computation. */
  readonly suspects: readonly BlockDifference[];
}

/** All blocks of a model, in the order of computation. */
export function blocksOf({ nAudioLayer, nTextLayer }: ModelDimensions): Block[] {
  const layers = (part: Block['part'], count: number, kinds: readonly (readonly [string, BlockKind])[]) =>
    Array.from({ length: count }, (_, layer) =>
      kinds.map(([name, kind]): Block => ({ name: `model.${part}.layers.${layer}.${name}`, part, layer, kind })),
    ).flat();
  const selfAttention = ['self_attn', 'self-attention'] as const;
  const crossAttention = ['encoder_attn', 'cross-attention'] as const;
  const feedForward = ['feed_forward', 'feed-forward'] as const;
  return [
    { name: 'model.encoder.embed', part: 'encoder', kind: 'embedding' },
    ...layers('encoder', nAudioLayer, [selfAttention, feedForward]),
    { name: 'model.encoder.layer_norm', part: 'encoder', kind: 'output' },
    { name: 'model.decoder.embed', part: 'decoder', kind: 'embedding' },
    ...layers('decoder', nTextLayer, [selfAttention, crossAttention, feedForward]),
    { name: logitsTap, part: 'decoder', kind: 'output' },
  ];
}

/** A block's name for people. */
export function describeBlock({ part, layer, kind }: Block): string {
  return layer === undefined ? `${part} ${kind}` : `${part} layer ${layer}, ${kind}`;
}

/**
 * Compares two models block by block over one window.
 *
 * @param reference computes the whole model
 * @param tested computes each block from the reference's stream
 * @param tokens the text, prompt included
 */
export async function compareLayers(
  reference: LayerProbe,
  tested: LayerProbe,
  input: { readonly logMel: Float32Array; readonly tokens: readonly number[]; readonly dimensions: ModelDimensions },
  signal?: AbortSignal,
): Promise<LayerComparison> {
  const { logMel, tokens, dimensions } = input;
  const expected = await reference.run(logMel, tokens, new Map(), signal);
  const actual = await tested.run(logMel, tokens, expected, signal);
  const blocks = blocksOf(dimensions).map((block) => ({
    ...block,
    ...compareVectors(tap(expected, block), tap(actual, block)),
  }));
  return { blocks, suspects: findSuspects(blocks) };
}

function tap(taps: Taps, { name }: Block): Float32Array {
  const values = taps.get(name === logitsTap ? name : blockTensor(name));
  if (values === undefined) throw new Error(`nothing is known of the block ${name}`);
  return values;
}

/** What no rounding of float32 comes to: ten times the most between the CPU and the stand-in, 3e-7. */
const negligible = 3e-6;
/** How many times the usual error of its kind makes a block stand out. With float16 weights, 1.8 times is usual. */
const unusual = 5;

/** Blocks that differ by more than others of their kind do: lower precision changes them all alike, damage does not. */
function findSuspects(blocks: readonly BlockDifference[]): BlockDifference[] {
  return blocks.filter((block) => {
    const alike = blocks.filter(({ part, kind }) => part === block.part && kind === block.kind);
    const usual = median((alike.length > 2 ? alike : blocks).map(({ relative }) => relative));
    // What is no number is beyond every limit.
    return !(block.relative <= Math.max(negligible, unusual * usual));
  });
}

/** The lower of the two in the middle, so that damage to one of a few does not hide it. */
function median(values: readonly number[]): number {
  const sorted = values.map((value) => (Number.isNaN(value) ? Number.POSITIVE_INFINITY : value)).sort((a, b) => a - b);
  return sorted[Math.floor((sorted.length - 1) / 2)] ?? 0;
}
