import { toHalf } from '../model/float.ts';
import { bytes, type Field, float, int, message, packedInts, serialize, string } from './protobuf.ts';

/** ONNX element types by their TensorProto numbers. */
export const elementType = { f32: 1, i8: 3, u8: 2, i32: 6, i64: 7, bool: 9, f16: 10 } as const;
export type ElementType = keyof typeof elementType;

/** Types a constant in the graph itself may have. */
export type ConstantType = 'f32' | 'f16' | 'u8' | 'i32' | 'i64' | 'bool';

/** A dimension: a size, or the name of one that is known only at run time. */
export type Dimension = number | string;

/** A node attribute; integers and floats are told apart by `{ float }`. */
export type Attribute = number | string | readonly number[] | { readonly float: number };

type Attributes = Readonly<Record<string, Attribute>>;

/** The result of a node, an input or an initializer, by its unique name. */
export interface Value {
  readonly name: string;
}

/** Where the bytes of a weight lie in a file next to the graph. */
export interface ExternalData {
  readonly location: string;
  readonly offset: number;
  readonly sizeBytes: number;
}

/** One ONNX graph under construction: nodes are added in order and named after their type and place. */
export interface GraphBuilder {
  input(name: string, type: ElementType, dims: readonly Dimension[]): Value;
  output(name: string, value: Value, type: ElementType, dims: readonly Dimension[]): void;
  /** A node with one result. */
  op(type: string, inputs: readonly (Value | undefined)[], attributes?: Attributes): Value;
  /** A node with several results. */
  ops(type: string, inputs: readonly (Value | undefined)[], outputs: number, attributes?: Attributes): Value[];
  /** A small constant kept in the graph itself; equal constants are shared. */
  constant(type: ConstantType, dims: readonly number[], values: readonly number[]): Value;
  /** An initializer whose bytes lie in a file beside the graph. */
  external(name: string, type: ElementType, dims: readonly number[], data: ExternalData): Value;
  /** The bytes of the ModelProto. */
  serialize(): Uint8Array;
}

/**
 * Starts an empty graph.
 *
 * @param name the graph's name
 * @param opset the version of the default operator set
 */
export function createGraph(name: string, opset: number): GraphBuilder {
  const nodes: Field[] = [];
  const inputs: Field[] = [];
  const outputs: Field[] = [];
  const initializers: Field[] = [];
  const initializerValues = new Map<string, Value>();

  function ops(
    type: string,
    operands: readonly (Value | undefined)[],
    results: number,
    attributes: Attributes = {},
  ): Value[] {
    const nodeName = `${type}_${nodes.length}`;
    const values = Array.from({ length: results }, (_, i) => ({ name: results === 1 ? nodeName : `${nodeName}_${i}` }));
    nodes.push(message(1, nodeFields(nodeName, type, operands, values, attributes)));
    return values;
  }

  function initializer(key: string, initializerName: string, fields: () => readonly Field[]): Value {
    const known = initializerValues.get(key);
    if (known !== undefined) return known;
    const value = { name: initializerName };
    initializerValues.set(key, value);
    initializers.push(message(5, [...fields(), string(8, initializerName)]));
    return value;
  }

  return {
    ops,
    op(type, operands, attributes) {
      const [value] = ops(type, operands, 1, attributes);
      if (value === undefined) throw new Error('a node has at least one result');
      return value;
    },
    input(inputName, type, dims) {
      inputs.push(message(11, valueInfo(inputName, type, dims)));
      return { name: inputName };
    },
    output(outputName, value, type, dims) {
      nodes.push(message(1, nodeFields(`Identity_${nodes.length}`, 'Identity', [value], [{ name: outputName }], {})));
      outputs.push(message(12, valueInfo(outputName, type, dims)));
    },
    constant(type, dims, values) {
      return initializer(`${type}[${dims}]=${values}`, `const_${initializers.length}`, () => [
        packedInts(1, dims),
        int(2, elementType[type]),
        bytes(9, constantBytes(type, values)),
      ]);
    },
    external(weightName, type, dims, { location, offset, sizeBytes }) {
      return initializer(weightName, weightName, () => [
        packedInts(1, dims),
        int(2, elementType[type]),
        message(13, [string(1, 'location'), string(2, location)]),
        message(13, [string(1, 'offset'), string(2, String(offset))]),
        message(13, [string(1, 'length'), string(2, String(sizeBytes))]),
        int(14, 1),
      ]);
    },
    serialize() {
      return serialize([
        int(1, 8),
        string(2, 'whisper-npu'),
        message(7, [...nodes, string(2, name), ...initializers, ...inputs, ...outputs]),
        message(8, [string(1, ''), int(2, opset)]),
      ]);
    },
  };
}

function nodeFields(
  name: string,
  type: string,
  operands: readonly (Value | undefined)[],
  results: readonly Value[],
  attributes: Attributes,
): Field[] {
  return [
    ...operands.map((operand) => string(1, operand?.name ?? '')),
    ...results.map((result) => string(2, result.name)),
    string(3, name),
    string(4, type),
    ...Object.entries(attributes).map(([key, value]) => message(5, attributeFields(key, value))),
  ];
}

function valueInfo(name: string, type: ElementType, dims: readonly Dimension[]): Field[] {
  const shape = dims.map((dim) => message(1, [typeof dim === 'number' ? int(1, dim) : string(2, dim)]));
  return [string(1, name), message(2, [message(1, [int(1, elementType[type]), message(2, shape)])])];
}

function attributeFields(name: string, value: Attribute): Field[] {
  if (typeof value === 'string') return [string(1, name), string(4, value), int(20, 3)];
  if (typeof value === 'number') return [string(1, name), int(3, value), int(20, 2)];
  if ('float' in value) return [string(1, name), float(2, value.float), int(20, 1)];
  return [string(1, name), ...value.map((item) => int(8, item)), int(20, 7)];
}

function constantBytes(type: ConstantType, values: readonly number[]): Uint8Array {
  switch (type) {
    case 'f32':
      return new Uint8Array(Float32Array.from(values).buffer);
    case 'f16':
      return new Uint8Array(Uint16Array.from(values, toHalf).buffer);
    case 'i32':
      return new Uint8Array(Int32Array.from(values).buffer);
    case 'i64':
      return new Uint8Array(BigInt64Array.from(values, BigInt).buffer);
    case 'bool':
    case 'u8':
      return Uint8Array.from(values);
  }
}
