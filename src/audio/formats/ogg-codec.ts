import type { PacketDecoder } from './decoded-audio.ts';
import { decodeFrame } from './flac-frame.ts';
import { parseFrameHeader, parseStreamInfo } from './flac-header.ts';
import { createOpusDecoder } from './opus.ts';
import { maxChannels, maxSampleRate, minSampleRate } from './pcm.ts';
import { createVorbisDecoder } from './vorbis.ts';

/** What a stream's first packet says. */
export interface OggCodec {
  readonly nChannels: number;
  /** units of a page's granule in a second */
  readonly granuleRate: number;
  /** what is to be dropped at the beginning, in the same units */
  readonly preSkip: number;
  /** that are decoded in one go, which nothing can interrupt: some 10 ms of work */
  readonly packetsPerCall: number;
  /** whether a packet belongs to the headers, which all come before the first sound */
  isHeader(packet: Uint8Array): boolean;
  /** @param headers all of them, the first packet included */
  open(headers: readonly Uint8Array[]): Promise<PacketDecoder>;
}

/** Recognises the codecs of sound that are decoded here: Opus, Vorbis and FLAC. */
export function identifyCodec(packet: Uint8Array): OggCodec | undefined {
  if (startsWith(packet, 'OpusHead') && packet.length >= 19) return opusCodec(packet);
  if (startsWith(packet, '\x01vorbis') && packet.length >= 30) return vorbisCodec(packet);
  return startsWith(packet, '\x7fFLAC') ? flacCodec(packet.subarray(17)) : undefined;
}

/** A packet of Opus or Vorbis holds up to 120 ms or 8,192 samples of each channel, and takes two bytes if they are silent. */
function packetsPerCall(nChannels: number): number {
  return Math.max(1, Math.floor(maxChannels / nChannels));
}

function opusCodec(head: Uint8Array): OggCodec | undefined {
  const view = new DataView(head.buffer, head.byteOffset, head.length);
  const nChannels = view.getUint8(9);
  if (nChannels === 0) return undefined;
  const isHeader = (packet: Uint8Array) => startsWith(packet, 'OpusTags');
  const open = () => createOpusDecoder(head);
  const preSkip = view.getUint16(10, true);
  return { nChannels, granuleRate: 48_000, preSkip, packetsPerCall: packetsPerCall(nChannels), isHeader, open };
}

function vorbisCodec(head: Uint8Array): OggCodec | undefined {
  const view = new DataView(head.buffer, head.byteOffset, head.length);
  const nChannels = view.getUint8(11);
  const granuleRate = view.getUint32(12, true);
  if (nChannels === 0 || granuleRate < minSampleRate || granuleRate > maxSampleRate) return undefined;
  const isHeader = ([type = 0]: Uint8Array) => (type & 1) === 1;
  const open = createVorbisDecoder;
  return { nChannels, granuleRate, preSkip: 0, packetsPerCall: packetsPerCall(nChannels), isHeader, open };
}

/** FLAC in Ogg (RFC 9639 §10.1): a packet is a frame or a block of metadata. */
function flacCodec(streamInfo: Uint8Array): OggCodec | undefined {
  const info = parseStreamInfo(streamInfo);
  if (info === undefined) return undefined;
  const { nChannels, sampleRate } = info;
  const decodePacket = (packet: Uint8Array) => {
    const header = parseFrameHeader(packet, 0, info);
    return header && decodeFrame(packet, header, info)?.channels;
  };
  const decode: PacketDecoder['decode'] = async (packets) => {
    const frames = packets.map(decodePacket);
    const whole = frames.filter((channels) => channels !== undefined);
    const channels = Array.from({ length: nChannels }, (_, channel) =>
      concatenate(whole.flatMap((frame) => frame[channel] ?? [])),
    );
    return { channels, nDamaged: frames.length - whole.length };
  };
  const open = async () => ({ sampleRate, decode, free: () => undefined });
  const isHeader = ([first]: Uint8Array) => first !== 0xff;
  return { nChannels, granuleRate: sampleRate, preSkip: 0, packetsPerCall: 1, isHeader, open };
}

function concatenate(parts: readonly Float32Array[]): Float32Array {
  const whole = new Float32Array(parts.reduce((sum, part) => sum + part.length, 0));
  let offset = 0;
  for (const part of parts) {
    whole.set(part, offset);
    offset += part.length;
  }
  return whole;
}

function startsWith(packet: Uint8Array, text: string): boolean {
  return (
    Buffer.from(packet.buffer, packet.byteOffset, packet.length).subarray(0, text.length).toString('latin1') === text
  );
}
