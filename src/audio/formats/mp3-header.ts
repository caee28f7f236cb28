/** What the four bytes before an MPEG audio frame say (ISO 11172-3 §2.4.2.3, 13818-3 for the lower rates). */
export interface FrameHeader {
  /** 1, 2 or 2.5, an extension for the lowest rates */
  readonly version: number;
  readonly layer: number;
  /** in Hz */
  readonly sampleRate: number;
  readonly nChannels: number;
  /** header and data */
  readonly frameBytes: number;
  /** of each channel */
  readonly nSamples: number;
}

/** In kbit/s, by index 1 to 14. */
const bitrates = {
  v1l1: [32, 64, 96, 128, 160, 192, 224, 256, 288, 320, 352, 384, 416, 448],
  v1l2: [32, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384],
  v1l3: [32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320],
  v2l1: [32, 48, 56, 64, 80, 96, 112, 128, 144, 160, 176, 192, 224, 256],
  v2l23: [8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160],
} as const;
/** Of version 1; half and a quarter of them in 2 and 2.5. */
const sampleRates = [44_100, 48_000, 32_000];
/** By the two bits that tell versions, then layers, apart; reserved ones are absent. */
const versions = [2.5, undefined, 2, 1];
const layers = [undefined, 3, 2, 1];

/**
 * Reads one frame's header.
 *
 * @returns undefined where no frame can begin, and for free format, whose frames do not say how long they are
 */
export function frameHeader(bytes: Uint8Array, offset: number): FrameHeader | undefined {
  const [sync, kind, rates, mode] = bytes.subarray(offset, offset + 4);
  if (sync !== 0xff || kind === undefined || rates === undefined || mode === undefined) return undefined;
  if ((kind & 0xe0) !== 0xe0) return undefined;
  const version = versions[(kind >> 3) & 3];
  const layer = layers[(kind >> 1) & 3];
  const fullRate = sampleRates[(rates >> 2) & 3];
  if (version === undefined || layer === undefined || fullRate === undefined) return undefined;
  const kilobits = bitrateTable(version, layer)[(rates >> 4) - 1];
  if (kilobits === undefined) return undefined;

  const sampleRate = fullRate / (version === 1 ? 1 : version === 2 ? 2 : 4);
  const nSamples = layer === 1 ? 384 : layer === 3 && version !== 1 ? 576 : 1152;
  const slotBytes = layer === 1 ? 4 : 1;
  const nSlots = Math.floor(((nSamples / 8) * kilobits * 1000) / sampleRate / slotBytes) + ((rates >> 1) & 1);
  return { version, layer, sampleRate, nChannels: mode >> 6 === 3 ? 1 : 2, frameBytes: nSlots * slotBytes, nSamples };
}

function bitrateTable(version: number, layer: number): readonly number[] {
  if (version === 1) return layer === 1 ? bitrates.v1l1 : layer === 2 ? bitrates.v1l2 : bitrates.v1l3;
  return layer === 1 ? bitrates.v2l1 : bitrates.v2l23;
}

/** Whether two frames may belong to one recording: within it only bit rate, padding and stereo coding change. */
export function isAlike(a: FrameHeader, b: FrameHeader): boolean {
  return a.version === b.version && a.layer === b.layer && a.sampleRate === b.sampleRate;
}

/**
 * Finds where frames begin: bytes that look like a header are common, several that lead from one to the next are not.
 *
 * @param nFrames how many in a row it takes; at the very beginning fewer will do when the bytes end before
 * @param from first offset to look at
 */
export function findFrames(bytes: Uint8Array, nFrames: number, from = 0): number | undefined {
  for (let start = bytes.indexOf(0xff, from); start >= 0; start = bytes.indexOf(0xff, start + 1)) {
    const first = frameHeader(bytes, start);
    let next = first;
    let offset = start;
    for (
      let n = 0;
      first !== undefined && next !== undefined && isAlike(first, next);
      next = frameHeader(bytes, offset)
    ) {
      n++;
      offset += next.frameBytes;
      if (n === nFrames || (start === 0 && offset + 4 > bytes.length)) return start;
    }
  }
  return undefined;
}

/** In a row, at the very beginning of an MP3. */
const framesAtBeginning = 3;
/** In a row, behind anything else: a container holds several in one piece, and what lies between its pieces is no sound. */
const framesBehindJunk = 32;

/**
 * Finds where an MP3 begins.
 *
 * @param bytes the first ones of a file
 */
export function findFirstFrame(bytes: Uint8Array): number | undefined {
  return findFrames(bytes, framesAtBeginning) === 0 ? 0 : findFrames(bytes, framesBehindJunk, 1);
}

/**
 * How many frames the first frame says there are: it holds a table instead of sound then.
 *
 * @param frame from its header on
 */
export function promisedFrames(frame: Uint8Array, header: FrameHeader): number | undefined {
  const view = Buffer.from(frame.buffer, frame.byteOffset, Math.min(frame.length, header.frameBytes));
  // Xing's stands behind the side information, whose length the version and the number of channels give.
  const [sideBytes, monoSideBytes] = header.version === 1 ? [32, 17] : [17, 9];
  const xing = 4 + (header.nChannels === 1 ? monoSideBytes : sideBytes);
  if (view.length >= xing + 12 && /^(Xing|Info)$/.test(view.toString('latin1', xing, xing + 4)))
    return view.readUInt32BE(xing + 4) & 1 ? view.readUInt32BE(xing + 8) : undefined;
  const vbri = 36;
  if (view.length >= vbri + 18 && view.toString('latin1', vbri, vbri + 4) === 'VBRI')
    return view.readUInt32BE(vbri + 14);
  return undefined;
}

/** Bytes of the ID3v2 tag (id3.org, ID3v2.4 §3.1) that begins at `offset`, 0 where none does. */
export function id3Bytes(bytes: Uint8Array, offset = 0): number {
  const [i, d, three, , , flags, ...size] = bytes.subarray(offset, offset + 10);
  if (i !== 0x49 || d !== 0x44 || three !== 0x33 || flags === undefined || size.length < 4) return 0;
  if (size.some((byte) => byte > 0x7f)) return 0;
  return 10 + size.reduce((sum, byte) => sum * 128 + byte, 0) + (flags & 0x10 ? 10 : 0);
}
