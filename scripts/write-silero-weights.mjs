/**
 * Writes the weights of the Silero voice activity detector (assets/silero-vad) from its published ONNX file, in which they
 * stand as constants and under names that the exporter gave them.
 *
 *   node scripts/write-silero-weights.mjs silero_vad_16k_sequence.onnx silero-vad-16k.safetensors
 */
import { readFileSync, writeFileSync } from 'node:fs';

const [source, target] = process.argv.slice(2);
if (target === undefined) throw new Error('usage: write-silero-weights.mjs ONNX SAFETENSORS');

/** The weights in the order in which the graph's nodes read them, from ModelProto.graph. */
const names = [
  'stft.basis',
  ...[0, 1, 2, 3].flatMap((layer) => [`encoder.${layer}.weight`, `encoder.${layer}.bias`]),
  ...['lstm.weight', 'lstm.recurrence', 'lstm.bias', 'output.weight', 'output.bias'],
];

const graph = fieldsOf(fieldsOf(readFileSync(source)).get(7)[0]);
const initializers = new Map((graph.get(5) ?? []).map(tensorOf));
const used = graph
  .get(1)
  .flatMap((node) => (fieldsOf(node).get(1) ?? []).map(String))
  .filter((name) => initializers.has(name));
if (used.length !== names.length) throw new Error(`${source}: ${used.length} weights, not ${names.length}`);

const header = {};
const parts = [];
let end = 0;
for (const [i, name] of names.entries()) {
  const { shape, bytes } = initializers.get(used[i]);
  header[name] = { dtype: 'F32', shape, data_offsets: [end, end + bytes.length] };
  parts.push(bytes);
  end += bytes.length;
}
// Padded with spaces, so that the values are aligned.
const text = JSON.stringify(header);
const json = Buffer.from(text.padEnd(Math.ceil(text.length / 8) * 8));
const length = Buffer.alloc(8);
length.writeBigUInt64LE(BigInt(json.length));
writeFileSync(target, Buffer.concat([length, json, ...parts]));

/** TensorProto: dims in 1, the type in 2 (1 is f32), the name in 8, the bytes in 9. */
function tensorOf(message) {
  const fields = fieldsOf(message);
  const name = String(fields.get(8)[0]);
  const bytes = fields.get(9)?.[0];
  if (fields.get(2)[0] !== 1 || bytes === undefined) throw new Error(`${source}: ${name} is no f32 tensor`);
  const shape = (fields.get(1) ?? []).flatMap((dims) => (typeof dims === 'number' ? dims : varintsOf(dims)));
  return [name, { shape, bytes }];
}

/** A protobuf message's values by field number: numbers, or the bytes of what has a length. */
function fieldsOf(bytes) {
  const fields = new Map();
  for (let at = 0; at < bytes.length; ) {
    const tag = varint(bytes, at);
    at = tag.end;
    const [number, wireType] = [Math.floor(tag.value / 8), tag.value % 8];
    let value;
    if (wireType === 0) {
      ({ value, end: at } = varint(bytes, at));
    } else {
      const size = wireType === 2 ? varint(bytes, at) : { value: wireType === 5 ? 4 : 8, end: at };
      at = size.end + size.value;
      value = bytes.subarray(size.end, at);
    }
    fields.set(number, [...(fields.get(number) ?? []), value]);
  }
  return fields;
}

function varintsOf(bytes) {
  const values = [];
  for (let at = 0; at < bytes.length; ) {
    const { value, end: next } = varint(bytes, at);
    values.push(value);
    at = next;
  }
  return values;
}

/** Exact below 2^53, which no tag, length or size reaches. */
function varint(bytes, from) {
  let value = 0;
  for (let at = from, scale = 1; ; at++, scale *= 128) {
    value += (bytes[at] & 127) * scale;
    if (bytes[at] < 128) return { value, end: at + 1 };
  }
}
