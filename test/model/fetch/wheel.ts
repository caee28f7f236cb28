import { crc32, deflateRawSync } from 'node:zlib';

/** Writes a zip file as pip's wheels are: deflated entries, or stored ones. */
export function zip(files: Readonly<Record<string, Buffer>>, method: 'deflated' | 'stored' = 'deflated'): Buffer {
  const code = method === 'deflated' ? 8 : 0;
  const locals: Buffer[] = [];
  const directory: Buffer[] = [];
  let offset = 0;
  for (const [name, bytes] of Object.entries(files)) {
    const packed = method === 'deflated' ? deflateRawSync(bytes) : bytes;
    const sums = [crc32(bytes), packed.length, bytes.length];
    // The extra field of 4 bytes is there in the local header alone, as real zips differ there too.
    const local = Buffer.concat([record(0x04034b50, [20, 0, code, 0, 0], sums, [name.length, 4]), Buffer.from(name)]);
    locals.push(local, Buffer.alloc(4), packed);
    const head = record(0x02014b50, [20, 20, 0, code, 0, 0], sums, [name.length, 0, 0, 0, 0, 0, 0]);
    directory.push(head, u32(offset), Buffer.from(name));
    offset += local.length + 4 + packed.length;
  }
  const entries = Buffer.concat(directory);
  const count = Object.keys(files).length;
  const end = Buffer.concat([u32(0x06054b50), u16(0), u16(0), u16(count), u16(count), u32(entries.length)]);
  return Buffer.concat([...locals, entries, end, u32(offset), u16(0)]);
}

function record(signature: number, before: number[], sums: number[], after: number[]): Buffer {
  return Buffer.concat([u32(signature), ...before.map(u16), ...sums.map(u32), ...after.map(u16)]);
}

function u16(value: number): Buffer {
  return Buffer.from(Uint16Array.of(value).buffer);
}

function u32(value: number): Buffer {
  return Buffer.from(Uint32Array.of(value).buffer);
}
