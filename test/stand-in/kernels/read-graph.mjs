/** Reads the graphs that src/graph writes: nodes, initializers, inputs and outputs, by the field numbers of onnx.proto3. */

const bytesOfItem = { 1: 4, 2: 1, 3: 1, 6: 4, 7: 8, 9: 1, 10: 2 };

/** Bytes of one number of an ONNX element type. */
export function itemBytes(type) {
  const size = bytesOfItem[type];
  if (size === undefined) throw new Error(`nothing is known of the ONNX type ${type}`);
  return size;
}

/**
 * @returns `nodes` in order, `tensors` by name: `type`, `dims`, and of initializers whether they are a `weight` that lies in a
 *   file, and the `values` of those of int64; `outputs` with what the graph says of them
 */
export function readGraph(bytes) {
  const graph = readMessage(one(readMessage(bytes), 7));
  const tensors = new Map();
  for (const initializer of all(graph, 5).map(readMessage)) {
    const dims = all(initializer, 1).flatMap(readVarints);
    const [type] = all(initializer, 2);
    const weight = all(initializer, 13).length > 0;
    const values = type === 7 ? readInt64s(one(initializer, 9)) : undefined;
    tensors.set(text(one(initializer, 8)), { type, dims, weight, values });
  }
  const valueInfos = (field) =>
    all(graph, field).map((info) => {
      const message = readMessage(info);
      const tensor = readMessage(one(readMessage(one(message, 2)), 1));
      const dims = all(readMessage(one(tensor, 2)), 1).map((dim) => one(readMessage(dim), 1));
      return { name: text(one(message, 1)), type: one(tensor, 1), dims };
    });
  for (const { name, type, dims } of valueInfos(11)) tensors.set(name, { type, dims, weight: false });
  return { nodes: all(graph, 1).map(readNode), tensors, outputs: valueInfos(12) };
}

function readNode(bytes) {
  const node = readMessage(bytes);
  const attributes = new Map(
    all(node, 5).map((entry) => {
      const attribute = readMessage(entry);
      const [number] = all(attribute, 3);
      return [text(one(attribute, 1)), number ?? all(attribute, 8)];
    }),
  );
  return { type: text(one(node, 4)), inputs: all(node, 1).map(text), outputs: all(node, 2).map(text), attributes };
}

/** The protobuf wire format: numbers, and the bytes of what has a length, by field. */
function readMessage(bytes) {
  const fields = new Map();
  for (let at = 0; at < bytes.length; ) {
    const key = readVarint(bytes, at);
    const value = readVarint(bytes, key.end);
    const field = Math.floor(key.value / 8);
    const wire = key.value % 8;
    if (wire !== 0 && wire !== 2) throw new Error(`field ${field} has the wire type ${wire}`);
    const end = wire === 0 ? value.end : value.end + value.value;
    if (!fields.has(field)) fields.set(field, []);
    fields.get(field).push(wire === 0 ? value.value : bytes.subarray(value.end, end));
    at = end;
  }
  return fields;
}

function readVarint(bytes, start) {
  let value = 0n;
  let end = start;
  do value |= BigInt(bytes[end] & 0x7f) << BigInt(7 * (end - start));
  while (bytes[end++] >= 0x80);
  return { value: Number(BigInt.asIntN(64, value)), end };
}

function readVarints(bytes) {
  const values = [];
  for (let at = 0; at < bytes.length; ) {
    const { value, end } = readVarint(bytes, at);
    values.push(value);
    at = end;
  }
  return values;
}

function readInt64s(bytes) {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return Array.from({ length: bytes.length / 8 }, (_, i) => Number(view.getBigInt64(8 * i, true)));
}

function text(bytes) {
  return new TextDecoder().decode(bytes);
}

function all(message, field) {
  return message.get(field) ?? [];
}

function one(message, field) {
  const values = all(message, field);
  if (values.length !== 1) throw new Error(`field ${field} has ${values.length} values`);
  return values[0];
}
