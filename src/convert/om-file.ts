import { type FileHandle, open } from 'node:fs/promises';
import { ModelError } from '../errors.ts';

/** What the head of an OM file says, as CANN 8.5 writes it. */
export interface OmHeader {
  /** Attributes of its model definition, such as soc_version, arch_type and atc_version. */
  readonly attributes: ReadonlyMap<string, string>;
  /** Of the weights in the file; others may lie beside it. */
  readonly weightBytes: number;
}

/** struct ModelFileHeader of ge/inc/framework/common/types.h, little endian. */
const header = { sizeBytes: 256, magic: 0x444f4d49, lengthAt: 76, longLengthAt: 184 };
/** The partition that holds the protobuf message ge.proto.ModelDef, and that of the weights. */
const partition = { modelDefinition: 0, weights: 1 };
/** Fields of ge.proto.ModelDef: its attributes, entries of a map from names to AttrDef, whose field 2 is a string. */
const field = { attributes: 11, key: 1, value: 2, string: 2 };

/**
 * Reads for which chip an OM file was made, and checks that the file is whole.
 *
 * @throws ModelError 'OM_INVALID'
 */
export async function readOmHeader(path: string): Promise<OmHeader> {
  const fail = (reason: string, cause?: unknown): never => {
    throw new ModelError('OM_INVALID', `${path} is not a usable OM file: ${reason}`, {
      hint: 'Convert the model again with `whisper-npu convert`.',
      cause,
    });
  };
  await using file = await open(path, 'r').catch((cause: NodeJS.ErrnoException) => fail(cause.message, cause));
  const info = await file.stat();
  if (!info.isFile()) fail('it is no file');
  const { size } = info;
  if (size < header.sizeBytes) fail(`it has only ${size} bytes`);
  const head = await readBytes(file, 0, header.sizeBytes);
  if (head.toString('latin1', 0, 4) === 'PK\x03\x04') fail('it is an OM2 file, which CANN 8 cannot load');
  if (head.readUInt32LE(0) !== header.magic) fail('it does not begin with IMOD');
  const longLength = Number(head.readBigUInt64LE(header.longLengthAt));
  const length = longLength || head.readUInt32LE(header.lengthAt);
  if (length !== size - header.sizeBytes) {
    fail(`${length} bytes should follow its header, ${size - header.sizeBytes} do`);
  }
  const { definition, weightBytes } = await readPartitions(file, longLength > 0, size);
  if (definition === undefined) return fail('it has no model definition');
  return { attributes: attributesOf(definition), weightBytes };
}

async function readBytes(file: FileHandle, position: number, length: number): Promise<Buffer> {
  const bytes = Buffer.alloc(length);
  const { bytesRead } = await file.read(bytes, 0, length, position);
  return bytes.subarray(0, bytesRead);
}

/** Walks the partitions, which lie one behind the other after their table, whatever offsets the table names. */
async function readPartitions(file: FileHandle, long: boolean, fileSize: number) {
  let definition: Buffer | undefined;
  let weightBytes = 0;
  const counted = await readBytes(file, header.sizeBytes, 4);
  const count = counted.length < 4 ? 0 : counted.readUInt32LE(0);
  const [tableHead, entrySize] = long ? [8, 24] : [4, 12];
  if (count > 64) return { definition, weightBytes };
  const table = await readBytes(file, header.sizeBytes + tableHead, count * entrySize);
  let position = header.sizeBytes + tableHead + table.length;
  for (let at = 0; at + entrySize <= table.length; at += entrySize) {
    const size = long ? Number(table.readBigUInt64LE(at + 16)) : table.readUInt32LE(at + 8);
    if (position + size > fileSize) break;
    const type = table.readUInt32LE(at);
    if (type === partition.modelDefinition) definition ??= await readBytes(file, position, size);
    if (type === partition.weights) weightBytes += size;
    position += size;
  }
  return { definition, weightBytes };
}

function attributesOf(definition: Buffer): Map<string, string> {
  const attributes = new Map<string, string>();
  for (const entry of lengthDelimited(definition, field.attributes)) {
    const key = lengthDelimited(entry, field.key).next().value;
    const value = lengthDelimited(entry, field.value).next().value;
    const text = value === undefined ? undefined : lengthDelimited(value, field.string).next().value;
    if (key !== undefined && text !== undefined) attributes.set(key.toString(), text.toString());
  }
  return attributes;
}

/** The length-delimited fields of that number in a protobuf message; ends quietly at anything malformed. */
function* lengthDelimited(message: Buffer, wanted: number): Generator<Buffer, undefined> {
  let at = 0;
  const varint = (): number => {
    let value = 0;
    for (let shift = 0; at < message.length && shift < 64; shift += 7) {
      const byte = message[at++] as number;
      value += (byte & 0x7f) * 2 ** shift;
      if (byte < 0x80) return value;
    }
    return Number.NaN;
  };
  while (at < message.length) {
    const tag = varint();
    const wireType = tag % 8;
    if (wireType === 0) varint();
    else if (wireType === 1) at += 8;
    else if (wireType === 5) at += 4;
    else if (wireType !== 2) return undefined;
    if (wireType !== 2) continue;
    const size = varint();
    if (!(at + size <= message.length)) return undefined;
    if (Math.floor(tag / 8) === wanted) yield message.subarray(at, at + size);
    at += size;
  }
  return undefined;
}
