import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { bytesField, intField, messageField, textField, type WireField, writeFields } from './onnx/wire.ts';

type AttributeValue = number | readonly number[] | string;

/** A node of a trial graph. */
export interface TrialNode {
  readonly type: string;
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  readonly name?: string;
  readonly domain?: string;
  readonly attributes?: Readonly<Record<string, AttributeValue>>;
}

export interface TrialTensor {
  readonly name: string;
  readonly type?: number;
  readonly dims: readonly (number | string)[];
  /** Inline data, or external data as keys and values. */
  readonly data?: Uint8Array;
  readonly external?: Readonly<Record<string, string>>;
}

export interface TrialGraph {
  readonly opsets?: readonly (readonly [domain: string, version: number])[];
  readonly nodes: readonly TrialNode[];
  readonly initializers?: readonly TrialTensor[];
  readonly inputs: readonly TrialTensor[];
  readonly outputs: readonly TrialTensor[];
}

/** A graph as ONNX bytes, well-formed or as wrong as a test wants it. */
export function encodeGraph({
  opsets = [['', 16]],
  nodes,
  initializers = [],
  inputs,
  outputs,
}: TrialGraph): Uint8Array {
  return writeFields([
    intField(1, 8),
    messageField(7, [
      ...nodes.map((node) => messageField(1, nodeFields(node))),
      textField(2, 'trial'),
      ...initializers.map((tensor) => messageField(5, tensorFields(tensor))),
      ...inputs.map((input) => messageField(11, valueFields(input))),
      ...outputs.map((output) => messageField(12, valueFields(output))),
    ]),
    ...opsets.map(([domain, version]) => messageField(8, [textField(1, domain), intField(2, version)])),
  ]);
}

function nodeFields({ type, inputs, outputs, name, domain, attributes = {} }: TrialNode): WireField[] {
  return [
    ...inputs.map((input) => textField(1, input)),
    ...outputs.map((output) => textField(2, output)),
    textField(3, name ?? outputs[0] ?? ''),
    textField(4, type),
    ...Object.entries(attributes).map(([key, value]) =>
      messageField(5, [textField(1, key), ...attributeFields(value)]),
    ),
    ...(domain === undefined ? [] : [textField(7, domain)]),
  ];
}

function attributeFields(value: AttributeValue): WireField[] {
  if (typeof value === 'string') return [textField(4, value), intField(20, 3)];
  if (typeof value === 'number') return [intField(3, value), intField(20, 2)];
  return [...value.map((item) => intField(8, item)), intField(20, 7)];
}

function tensorFields({ name, type = 1, dims, data, external }: TrialTensor): WireField[] {
  return [
    ...dims.map((dim) => intField(1, Number(dim))),
    intField(2, type),
    textField(8, name),
    ...(data === undefined ? [] : [bytesField(9, data)]),
    ...Object.entries(external ?? {}).map(([key, value]) => messageField(13, [textField(1, key), textField(2, value)])),
    ...(external === undefined ? [] : [intField(14, 1)]),
  ];
}

function valueFields({ name, type = 1, dims }: TrialTensor): WireField[] {
  const shape = dims.map((dim) => messageField(1, [typeof dim === 'number' ? intField(1, dim) : textField(2, dim)]));
  return [textField(1, name), messageField(2, [messageField(1, [intField(1, type), messageField(2, shape)])])];
}

const state = 64;
const rows = 4;

/** row = x + w with w[i] = i / 100, mean = the mean of cache's rows: what stand_in_test.cc runs. */
export const stepGraph: TrialGraph = {
  nodes: [
    { type: 'Add', name: 'row_node', inputs: ['x', 'w'], outputs: ['row'] },
    {
      type: 'ReduceMean',
      name: 'mean_node',
      inputs: ['cache'],
      outputs: ['mean'],
      attributes: { axes: [0], keepdims: 1 },
    },
  ],
  initializers: [
    { name: 'w', dims: [1, state], external: { location: 'weights.bin', offset: '64', length: String(state * 4) } },
  ],
  inputs: [
    { name: 'x', dims: [1, state] },
    { name: 'cache', dims: [rows, state] },
  ],
  outputs: [
    { name: 'row', dims: [1, state] },
    { name: 'mean', dims: [1, state] },
  ],
};

/** Writes a graph and the weights file of the step graph into the folder; gives the graph's path. */
export function writeGraph(folder: string, graph: TrialGraph): string {
  mkdirSync(folder, { recursive: true });
  const weights = Float32Array.from({ length: 16 + state }, (_, i) => (i < 16 ? Number.NaN : (i - 16) / 100));
  writeFileSync(path.join(folder, 'weights.bin'), new Uint8Array(weights.buffer));
  const file = path.join(folder, 'graph.onnx');
  writeFileSync(file, encodeGraph(graph));
  return file;
}
