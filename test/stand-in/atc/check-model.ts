import { statSync } from 'node:fs';
import path from 'node:path';
import { dataSize, elementTypes, type GraphNode, type Initializer, type OnnxModel } from '../onnx/model.ts';
import { AtcError, parseFailure } from './atc-error.ts';
import { operators } from './operators.ts';

/** Opsets that atc takes. */
const oldest = 11;
const newest = 18;

/**
 * Refuses what the real parser refuses, with its codes, and what it lets through to go wrong later or in silence.
 *
 * @param folder where the graph lies and its weight files must
 * @throws AtcError
 */
export function checkModel(model: OnnxModel, folder: string): void {
  const opset = checkOpsets(model);
  const nodes = nameNodes(model);
  checkOperators(nodes, model, opset);
  checkNames(nodes, model);
  checkWeights(model.initializers, folder);
  checkOutputs(model);
  for (const { name, elementType } of [...model.inputs, ...model.outputs]) {
    if (elementTypes[elementType] === undefined) throw parseFailure(`${name} has element type ${elementType}`);
  }
}

function checkOpsets({ opsets }: OnnxModel): number {
  const [only, ...others] = opsets;
  if (only === undefined || others.length > 0) {
    const count = `[${opsets.length}] [--domain_version]`;
    throw new AtcError('E16005', `The model has ${count} fields, but only one is allowed.`);
  }
  return only.version;
}

/** Empty names become <type>_<place>, as the parser makes them. */
function nameNodes({ nodes }: OnnxModel): GraphNode[] {
  return nodes.map((node, i) => (node.name === '' ? { ...node, name: `${node.type}_${i}` } : node));
}

function checkOperators(nodes: readonly GraphNode[], { initializers }: OnnxModel, opset: number): void {
  const context = { opset, initializers: new Map(initializers.map((initializer) => [initializer.name, initializer])) };
  for (const node of nodes) {
    const domain = node.domain === '' || node.domain === 'ai.onnx' ? 'ai.onnx' : node.domain;
    const found = domain === 'ai.onnx' ? operators.get(node.type) : undefined;
    const registered = opset >= oldest && opset <= newest;
    if (found === undefined || !registered || opset < found.from || opset > found.to) {
      const type = `${domain}::${opset}::${node.type}`;
      throw new AtcError('E13010', `No operator plugin is registered for Op: ${node.name}, optype: ${type}`);
    }
    if (found.oneToMany && node.inputs.includes('')) {
      throw parseFailure(`${node.type} ${node.name}: an input is left out as "": leave trailing inputs off instead`);
    }
    for (const rule of found.rules) {
      const reason = rule(node, context);
      if (reason !== undefined) throw parseFailure(`${node.type} ${node.name}: ${reason}`);
    }
  }
}

/** Nodes and graph inputs share one namespace. */
function checkNames(nodes: readonly GraphNode[], { inputs }: OnnxModel): void {
  const taken = new Set<string>();
  for (const name of [...inputs.map((input) => input.name), ...nodes.map((node) => node.name)]) {
    if (taken.has(name)) throw new AtcError('E13009', `Operator ${name} already exists in the graph.`);
    taken.add(name);
  }
}

function checkWeights(initializers: readonly Initializer[], folder: string): void {
  for (const initializer of initializers) {
    if (elementTypes[initializer.elementType] === undefined) {
      throw parseFailure(`initializer ${initializer.name} has element type ${initializer.elementType}`);
    }
    if (initializer.external !== undefined) checkExternalData(initializer, initializer.external, folder);
  }
}

function checkExternalData(
  initializer: Initializer,
  external: readonly (readonly [key: string, value: string])[],
  folder: string,
): void {
  const { name } = initializer;
  for (const [key, value] of external) {
    if (key === 'location') continue;
    // Every other key is read as a number, and what is not offset overwrites the length.
    if (!/^\d+$/.test(value))
      throw new AtcError('E11010', `initializer ${name}: cannot convert ${key} ${value} to a number`);
    if (key !== 'offset' && key !== 'length') {
      throw parseFailure(`initializer ${name}: external data may have location, offset and length, not ${key}`);
    }
  }
  const { file, offset, sizeBytes } = weightPlace(initializer, folder);
  const wanted = dataSize(initializer);
  if (sizeBytes !== wanted) {
    throw parseFailure(`Const Node ${name} data size ${sizeBytes} is not equal to tensor size ${wanted}`);
  }
  const available = statSync(file, { throwIfNoEntry: false })?.size;
  if (available === undefined) throw parseFailure(`initializer ${name}: its weight file ${file} is missing`);
  if (offset + sizeBytes > available) {
    throw parseFailure(`initializer ${name}: ${offset} + ${sizeBytes} bytes are more than ${file} has (${available})`);
  }
}

/** Where an external initializer's data lie. */
export function weightPlace(
  initializer: Initializer,
  folder: string,
): { file: string; offset: number; sizeBytes: number } {
  const external = new Map(initializer.external ?? []);
  const location = external.get('location');
  if (location === undefined || location === '') throw parseFailure(`initializer ${initializer.name} has no location`);
  return {
    file: path.join(folder, location),
    offset: Number(external.get('offset') ?? 0),
    sizeBytes: Number(external.get('length') ?? dataSize(initializer)),
  };
}

/** The real parser lets these through; results that no node makes are asking for trouble. */
function checkOutputs({ inputs, initializers, outputs }: OnnxModel): void {
  const sources = new Set([...inputs, ...initializers].map(({ name }) => name));
  for (const { name } of outputs) {
    if (sources.has(name))
      throw parseFailure(`output ${name} is an input or initializer itself: put an Identity between`);
  }
}
