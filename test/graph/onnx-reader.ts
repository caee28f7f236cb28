import { ints, type Message, messages, raw, readMessage, readPackedInts, strings } from './wire-reader.ts';

export interface ReadNode {
  readonly name: string;
  readonly type: string;
  readonly domain: string;
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  readonly attributes: ReadonlyMap<string, Message>;
}

export interface ReadInitializer {
  readonly name: string;
  readonly type: number;
  readonly dims: readonly number[];
  /** The bytes in the graph, where they are there. */
  readonly data: Uint8Array | undefined;
  /** Key and value of each entry, where the bytes lie in a file. */
  readonly external: readonly (readonly [string, string])[];
  readonly location: number | undefined;
}

export interface ReadValueInfo {
  readonly name: string;
  readonly type: number;
  readonly dims: readonly (number | string)[];
}

export interface ReadModel {
  readonly name: string;
  readonly irVersion: number;
  readonly opsets: readonly { readonly domain: string; readonly version: number }[];
  readonly nodes: readonly ReadNode[];
  readonly initializers: readonly ReadInitializer[];
  readonly inputs: readonly ReadValueInfo[];
  readonly outputs: readonly ReadValueInfo[];
}

/** Reads a ModelProto back, by the field numbers of onnx.proto3. */
export function readModel(bytes: Uint8Array): ReadModel {
  const model = readMessage(bytes);
  const [graph] = messages(model, 7);
  if (graph === undefined) throw new Error('no graph');
  return {
    name: one(strings(graph, 2)),
    irVersion: one(ints(model, 1)),
    opsets: messages(model, 8).map((opset) => ({ domain: one(strings(opset, 1)), version: one(ints(opset, 2)) })),
    nodes: messages(graph, 1).map(readNode),
    initializers: messages(graph, 5).map(readInitializer),
    inputs: messages(graph, 11).map(readValueInfo),
    outputs: messages(graph, 12).map(readValueInfo),
  };
}

/** What is wrong with a graph: names used twice or before they are known. A sound graph has no faults. */
export function graphFaults({ nodes, initializers, inputs, outputs }: ReadModel): string[] {
  const faults: string[] = [];
  const known = new Set(['']);
  const define = (name: string) => {
    if (name === '' || known.has(name)) faults.push(`${name} is defined twice`);
    known.add(name);
  };
  for (const { name } of [...initializers, ...inputs]) define(name);
  for (const node of nodes) {
    for (const input of node.inputs) if (!known.has(input)) faults.push(`${node.name} reads ${input} too early`);
    node.outputs.forEach(define);
  }
  for (const { name } of outputs) if (!known.has(name)) faults.push(`the output ${name} is never computed`);
  const names = new Set(nodes.map(({ name }) => name));
  if (names.size < nodes.length) faults.push('two nodes have one name');
  return faults;
}

function readNode(node: Message): ReadNode {
  return {
    name: one(strings(node, 3)),
    type: one(strings(node, 4)),
    domain: strings(node, 7)[0] ?? '',
    inputs: strings(node, 1),
    outputs: strings(node, 2),
    attributes: new Map(messages(node, 5).map((attribute) => [one(strings(attribute, 1)), attribute])),
  };
}

function readInitializer(tensor: Message): ReadInitializer {
  return {
    name: one(strings(tensor, 8)),
    type: one(ints(tensor, 2)),
    dims: raw(tensor, 1).flatMap(readPackedInts),
    data: raw(tensor, 9)[0],
    external: messages(tensor, 13).map((entry) => [one(strings(entry, 1)), one(strings(entry, 2))]),
    location: ints(tensor, 14)[0],
  };
}

function readValueInfo(info: Message): ReadValueInfo {
  const tensor = one(messages(one(messages(info, 2)), 1));
  const dims = messages(one(messages(tensor, 2)), 1);
  return {
    name: one(strings(info, 1)),
    type: one(ints(tensor, 1)),
    dims: dims.map((dim) => ints(dim, 1)[0] ?? one(strings(dim, 2))),
  };
}

function one<T>(values: readonly T[]): T {
  const [value] = values;
  if (value === undefined || values.length !== 1) throw new Error(`expected one value, not ${values.length}`);
  return value;
}
