import { readFileSync } from 'node:fs';
import { float32, type GraphNode, type Initializer, type OnnxModel } from '../onnx/model.ts';
import { invalidValue } from './atc-error.ts';
import { cannTypes } from './operators.ts';
import type { Options } from './options.ts';

/**
 * Which initializers the device would hold in float16. Only weights are rounded: what is between the operators stays
 * float32 on the stand-in, so its float16 errs less than a device's.
 */
export function roundedWeights(model: OnnxModel, options: Options): ReadonlySet<Initializer> {
  if (options.precision === 'origin') return new Set();
  const consumers = new Map<string, GraphNode[]>();
  for (const node of model.nodes) {
    for (const input of node.inputs) consumers.set(input, [...(consumers.get(input) ?? []), node]);
  }
  const lowered = loweredNodes(options);
  return new Set(
    model.initializers.filter(
      ({ name, elementType }) => elementType === float32 && (consumers.get(name) ?? []).some(lowered),
    ),
  );
}

/** The nodes that compute in float16. */
function loweredNodes(options: Options): (node: GraphNode) => boolean {
  const kept = keptNames(options.keepDtypeFile);
  const white = mixList(options.mixListFile);
  return (node) => {
    const types = [node.type, ...(cannTypes[node.type] ?? [])];
    if (kept.has(node.name) || types.some((type) => kept.has(`OpType::${type}`))) return false;
    return options.precision === 'float16' || types.some((type) => white.has(type));
  };
}

function keptNames(file: string | undefined): Set<string> {
  if (file === undefined) return new Set();
  return new Set(
    readFileSync(file, 'utf8')
      .split(/[\n,;]/)
      .map((line) => line.trim())
      .filter(Boolean),
  );
}

/** The operators that mixed precision lowers, with what --modify_mixlist adds and removes. */
function mixList(file: string | undefined): Set<string> {
  const white = new Set(['MatMul', 'MatMulV2', 'BatchMatMul', 'BatchMatMulV2', 'Conv2D', 'GemmV2', 'GatherElementsV2']);
  if (file === undefined) return white;
  const lists = readLists(file);
  for (const type of lists['white-list']?.['to-add'] ?? []) white.add(type);
  for (const type of [...(lists['white-list']?.['to-remove'] ?? []), ...(lists['black-list']?.['to-add'] ?? [])]) {
    white.delete(type);
  }
  return white;
}

function readLists(file: string): Record<string, Record<string, string[]> | undefined> {
  try {
    return JSON.parse(readFileSync(file, 'utf8'));
  } catch {
    throw invalidValue('--modify_mixlist', file, 'it is not JSON');
  }
}
