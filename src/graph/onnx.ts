import { bytes, type Field, float, int, message, packedInts, serialize, string } from './protobuf.ts';

/** ONNX element types by their TensorProto numbers. */
export const elementType = { f32: 1, i8: 3, u8: 2, i32: 6, i64: 7, bool: 9, f16: 10 } as const;
export type ElementType = keyof typeof elementType;

/** A dimension: a size, or the name of one that is known only at run time. */
export type Dimension = number | string;

/** A node attribute; integers and floats are told apart by `{ float }`. */
export type Attribute = number | string | readonly number[] | { readonly float: number };

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
  op(type: string, inputs: readonly (Value | undefined)[], attributes?: Readonly<Record<string, Attribute>>): Value;
  /** A node with several results. */
  ops(
    type: string,
    inputs: readonly (Value | undefined)[],
    outputs: number,
    attributes?: Readonly<Record<string, Attribute>>,
  ): Value[];
  /** A small constant kept in the graph itself; equal constants are shared. */
  constant(type: 'f32' | 'i32' | 'i64' | 'bool', dims: readonly number[], values: readonly number[]): Value;
  /** An initializer whose bytes lie in a file beside the graph. */
  external(name: string, type: ElementType, dims: readonly number[], data: ExternalData): Value;
  /** The bytes of the ModelProto. */
  serialize(): Uint8Array;
}

/** Operators of ONNX Runtime's own domain; no node of another domain exists in our graphs. */
const microsoftOps = new Set(['Gelu', 'MatMulNBits', 'MultiHeadAttention']);

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
  const constants = new Map<string, Value>();
  const externals = new Map<string, Value>();
  let usesMicrosoftOps = false;

  function ops(
    type: string,
    operands: readonly (Value | undefined)[],
    results: number,
    attributes: Readonly<Record<string, Attribute>> = {},
  ): Value[] {
    const nodeName = `${type}_${nodes.length}`;
    const values = Array.from({ length: results }, (_, i) => ({ name: results === 1 ? nodeName : `${nodeName}_${i}` }));
    const domain = microsoftOps.has(type) ? 'com.microsoft' : '';
    usesMicrosoftOps ||= domain !== '';
    nodes.push(
      message(1, [
        ...operands.map((operand) => string(1, operand?.name ?? '')),
        ...values.map((value) => string(2, value.name)),
        string(3, nodeName),
        string(4, type),
        ...Object.entries(attributes).map(([key, value]) => message(5, attributeFields(key, value))),
        ...(domain === '' ? [] : [string(7, domain)]),
      ]),
    );
    return values;
  }

  function op(
    type: string,
    operands: readonly (Value | undefined)[],
    attributes?: Readonly<Record<string, Attribute>>,
  ) {
    const [value] = ops(type, operands, 1, attributes);
    if (value === undefined) throw new Error('a node has at least one result');
    return value;
  }

  return {
    op,
    ops,
    input(inputName, type, dims) {
      inputs.push(message(11, valueInfo(inputName, type, dims)));
      return { name: inputName };
    },
    output(outputName, value, type, dims) {
      const index = nodes.length;
      nodes.push(
        message(1, [
          string(1, value.name),
          string(2, outputName),
          string(3, `Identity_${index}`),
          string(4, 'Identity'),
        ]),
      );
      outputs.push(message(12, valueInfo(outputName, type, dims)));
    },
    constant(type, dims, values) {
      const key = `${type}[${dims}]=${values}`;
      const known = constants.get(key);
      if (known !== undefined) return known;
      const value = { name: `const_${constants.size}` };
      constants.set(key, value);
      initializers.push(
        message(5, [
          packedInts(1, dims),
          int(2, elementType[type]),
          string(8, value.name),
          bytes(9, constantBytes(type, values)),
        ]),
      );
      return value;
    },
    external(weightName, type, dims, data) {
      const known = externals.get(weightName);
      if (known !== undefined) return known;
      const value = { name: weightName };
      externals.set(weightName, value);
      initializers.push(
        message(5, [
          packedInts(1, dims),
          int(2, elementType[type]),
          string(8, weightName),
          message(13, [string(1, 'location'), string(2, data.location)]),
          message(13, [string(1, 'offset'), string(2, String(data.offset))]),
          message(13, [string(1, 'length'), string(2, String(data.sizeBytes))]),
          int(14, 1),
        ]),
      );
      return value;
    },
    serialize() {
      return serialize([
        int(1, 8),
        string(2, 'whisper-npu'),
        message(7, [...nodes, string(2, name), ...initializers, ...inputs, ...outputs]),
        message(8, [string(1, ''), int(2, opset)]),
        ...(usesMicrosoftOps ? [message(8, [string(1, 'com.microsoft'), int(2, 1)])] : []),
      ]);
    },
  };
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

function constantBytes(type: 'f32' | 'i32' | 'i64' | 'bool', values: readonly number[]): Uint8Array {
  switch (type) {
    case 'f32':
      return new Uint8Array(Float32Array.from(values).buffer);
    case 'i32':
      return new Uint8Array(Int32Array.from(values).buffer);
    case 'i64':
      return new Uint8Array(BigInt64Array.from(values, BigInt).buffer);
    case 'bool':
      return Uint8Array.from(values);
  }
}
