import { createOpusDecoder as createLibopus } from '@audio/decode-opus/core';
import { leftRightFirst } from './channel-order.ts';
import type { PacketDecoder } from './decoded-audio.ts';

/** One of the rates libopus decodes to by itself; resampling from its 48 kHz would take longer than decoding. */
const sampleRate = 16_000;

/**
 * @param head the identification header (RFC 7845 §5.1), 19 bytes at least
 * @throws Error when its channel mapping makes no sense
 */
export async function createOpusDecoder(head: Uint8Array): Promise<PacketDecoder> {
  const view = new DataView(head.buffer, head.byteOffset, head.length);
  const channels = view.getUint8(9);
  const isMapped = view.getUint8(18) !== 0;
  const decoder = await createLibopus();
  decoder.configure({
    sampleRate,
    channels,
    outputGain: view.getInt16(16, true),
    ...(isMapped && head.length >= 21 + channels
      ? {
          streamCount: view.getUint8(19),
          coupledStreamCount: view.getUint8(20),
          channelMappingTable: head.slice(21, 21 + channels),
        }
      : {}),
  });
  return {
    sampleRate,
    async decode(packets) {
      const { channelData, errors } = decoder.decodeFrames([...packets]);
      return { channels: leftRightFirst(channelData), nDamaged: errors.length };
    },
    free: () => decoder.free(),
  };
}
