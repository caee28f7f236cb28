import { OggVorbisDecoder } from '@wasm-audio-decoders/ogg-vorbis';
import { leftRightFirst } from './channel-order.ts';
import type { PacketDecoder } from './decoded-audio.ts';

type OggPages = Parameters<OggVorbisDecoder['decodeOggPages']>[0];

/**
 * libvorbis, fed with packets. Its package takes them as pages of a parser of its own, of which it looks at `data`,
 * `codecFrames` and the setup header alone.
 *
 * @param headers identification, comment and setup (Vorbis I §4.2)
 * @throws Error when one of them is missing
 */
export async function createVorbisDecoder(headers: readonly Uint8Array[]): Promise<PacketDecoder> {
  const [identification, , setup] = headers;
  if (identification === undefined || setup === undefined) throw new Error('the Vorbis setup is missing');
  const decoder = new OggVorbisDecoder();
  await decoder.ready;
  await decoder.decodeOggPages([{ data: identification, codecFrames: [] }] as unknown as OggPages);
  return {
    sampleRate: new DataView(identification.buffer, identification.byteOffset).getUint32(12, true),
    async decode(packets) {
      const codecFrames = packets.map((data) => ({ data, header: { vorbisSetup: setup } }));
      const pages = [{ data: new Uint8Array(1), codecFrames }] as unknown as OggPages;
      const { channelData } = await decoder.decodeOggPages(pages);
      return { channels: leftRightFirst(channelData), nDamaged: 0 };
    },
    free: () => decoder.free(),
  };
}
