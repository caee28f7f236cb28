import { smallText } from './figure-texts.ts';
import { type Block, type BlockDifference, type BlockKind, describeBlock, type LayerComparison } from './layers.ts';

const kinds: readonly BlockKind[] = ['self-attention', 'cross-attention', 'feed-forward'];

/** A row per layer, and one for what comes before and after them; `<` marks what stands out. */
export function layerTable({ blocks, suspects }: LayerComparison): { header: string[]; rows: string[][] } {
  const cell = (block: BlockDifference | undefined) =>
    block === undefined ? '' : `${smallText(block.relative)}${suspects.includes(block) ? ' <' : ''}`;
  const rows = [...new Set(blocks.map(rowName))].map((name) => {
    const ofRow = blocks.filter((block) => rowName(block) === name);
    const whole = ofRow.find(({ layer }) => layer === undefined);
    return [name, cell(whole), ...kinds.map((kind) => cell(ofRow.find((block) => block.kind === kind)))];
  });
  return { header: ['', 'whole', ...kinds], rows };
}

function rowName(block: Block): string {
  return block.layer === undefined ? describeBlock(block) : `${block.part} layer ${block.layer}`;
}

/** Errors over the layers, a line per kind of block. */
export function layerSeries(blocks: readonly BlockDifference[]) {
  const inLayers = blocks.filter(({ layer }) => layer !== undefined);
  const label = ({ part, kind }: Block) => `${part}, ${kind}`;
  return [...new Set(inLayers.map(label))].map((name) => ({
    label: name,
    points: inLayers
      .filter((block) => label(block) === name)
      .map(({ layer, relative }) => ({ x: layer ?? 0, y: relative })),
  }));
}

/** Names what stands out. */
export function suspectsText(suspects: readonly BlockDifference[]): string {
  const [first, ...more] = suspects;
  if (first === undefined) return 'No block stands out.';
  const also = more.length === 0 ? '' : `; then ${more.map(describeBlock).join('; ')}`;
  return `First to stand out: ${describeBlock(first)} (relative error ${smallText(first.relative)})${also}.`;
}
