import { bytesOf, floatsOf, intOf, intsOf, readFields, textOf, type WireField } from './wire.ts';

/** ONNX element types that a graph for the device may hold: name, bytes, and the number ACL has for it. */
export const elementTypes: Readonly<Record<number, { name: string; sizeBytes: number; acl: number }>> = {
  1: { name: 'float32', sizeBytes: 4, acl: 0 },
  2: { name: 'uint8', sizeBytes: 1, acl: 4 },
  3: { name: 'int8', sizeBytes: 1, acl: 2 },
  4: { name: 'uint16', sizeBytes: 2, acl: 7 },
  5: { name: 'int16', sizeBytes: 2, acl: 6 },
  6: { name: 'int32', sizeBytes: 4, acl: 3 },
  7: { name: 'int64', sizeBytes: 8, acl: 9 },
  9: { name: 'bool', sizeBytes: 1, acl: 12 },
  10: { name: 'float16', sizeBytes: 2, acl: 1 },
  11: { name: 'float64', sizeBytes: 8, acl: 11 },
  12: { name: 'uint32', sizeBytes: 4, acl: 8 },
  13: { name: 'uint64', sizeBytes: 8, acl: 10 },
};

export const float32 = 1;
export const float16 = 10;

export interface Attribute {
  readonly int: number | undefined;
  readonly text: string;
  readonly ints: readonly number[];
  readonly float: number | undefined;
}

export interface GraphNode {
  readonly name: string;
  readonly type: string;
  readonly domain: string;
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  readonly attributes: ReadonlyMap<string, Attribute>;
}

export interface Initializer {
  readonly name: string;
  readonly elementType: number;
  readonly dims: readonly number[];
  /** The keys and values of its external data, in order; undefined for data in the graph itself. */
  readonly external: readonly (readonly [key: string, value: string])[] | undefined;
  readonly fields: readonly WireField[];
}

export interface TensorValue {
  readonly name: string;
  readonly elementType: number;
  /** A size, or the name of one ('' where it has none). */
  readonly dims: readonly (number | string)[];
}

export interface OnnxModel {
  readonly opsets: readonly { readonly domain: string; readonly version: number }[];
  readonly nodes: readonly GraphNode[];
  readonly initializers: readonly Initializer[];
  /** Graph inputs that are not initializers. */
  readonly inputs: readonly TensorValue[];
  readonly outputs: readonly TensorValue[];
}

/** Numbers of the protobuf fields that are changed when a model is written again. */
export const fieldNumbers = { graph: 7, node: 1, initializer: 5, input: 11 } as const;

/** @throws RangeError where the bytes are no protobuf message */
export function readModel(bytes: Uint8Array): OnnxModel {
  const model = readFields(bytes);
  const graph = readFields(bytesOf(model, fieldNumbers.graph).at(-1) ?? new Uint8Array());
  const initializers = bytesOf(graph, fieldNumbers.initializer).map(readInitializer);
  const initialized = new Set(initializers.map(({ name }) => name));
  return {
    opsets: bytesOf(model, 8).map((opset) => {
      const fields = readFields(opset);
      return { domain: textOf(fields, 1), version: intOf(fields, 2) ?? 0 };
    }),
    nodes: bytesOf(graph, fieldNumbers.node).map(readNode),
    initializers,
    inputs: bytesOf(graph, fieldNumbers.input)
      .map(readValue)
      .filter(({ name }) => !initialized.has(name)),
    outputs: bytesOf(graph, 12).map(readValue),
  };
}

export function readInitializer(bytes: Uint8Array): Initializer {
  const fields = readFields(bytes);
  const external = bytesOf(fields, 13).map((entry) => {
    const pair = readFields(entry);
    return [textOf(pair, 1), textOf(pair, 2)] as const;
  });
  return {
    name: textOf(fields, 8),
    elementType: intOf(fields, 2) ?? 0,
    dims: intsOf(fields, 1),
    external: intOf(fields, 14) === 1 ? external : undefined,
    fields,
  };
}

function readNode(bytes: Uint8Array): GraphNode {
  const fields = readFields(bytes);
  const texts = (number: number) => bytesOf(fields, number).map((text) => Buffer.from(text).toString());
  return {
    inputs: texts(1),
    outputs: texts(2),
    name: textOf(fields, 3),
    type: textOf(fields, 4),
    domain: textOf(fields, 7),
    attributes: new Map(
      bytesOf(fields, 5).map((attribute) => {
        const parts = readFields(attribute);
        return [
          textOf(parts, 1),
          { int: intOf(parts, 3), text: textOf(parts, 4), ints: intsOf(parts, 8), float: floatsOf(parts, 2).at(-1) },
        ];
      }),
    ),
  };
}

export function readValue(bytes: Uint8Array): TensorValue {
  const fields = readFields(bytes);
  const type = readFields(bytesOf(fields, 2).at(-1) ?? new Uint8Array());
  const tensor = readFields(bytesOf(type, 1).at(-1) ?? new Uint8Array());
  const shape = readFields(bytesOf(tensor, 2).at(-1) ?? new Uint8Array());
  return {
    name: textOf(fields, 1),
    elementType: intOf(tensor, 1) ?? 0,
    dims: bytesOf(shape, 1).map((dim) => {
      const parts = readFields(dim);
      return intOf(parts, 1) ?? textOf(parts, 2);
    }),
  };
}

/** Bytes that the initializer's data take. */
export function dataSize({ elementType, dims }: Pick<Initializer, 'elementType' | 'dims'>): number {
  return dims.reduce((size, dim) => size * dim, elementTypes[elementType]?.sizeBytes ?? 0);
}

/** The data of an initializer that keeps them in the graph, little endian. */
export function inlineData({ elementType, fields }: Initializer): Uint8Array {
  const raw = bytesOf(fields, 9).at(-1);
  if (raw !== undefined) return raw;
  if (elementType === float32) return new Uint8Array(Float32Array.from(floatsOf(fields, 4)).buffer);
  if (elementType === 7) return new Uint8Array(BigInt64Array.from(intsOf(fields, 7).map(BigInt)).buffer);
  if (elementType === 6) return new Uint8Array(Int32Array.from(intsOf(fields, 5)).buffer);
  if (elementType === float16) return new Uint8Array(Uint16Array.from(intsOf(fields, 5)).buffer);
  return Uint8Array.from(intsOf(fields, 5));
}
