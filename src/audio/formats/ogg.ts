import { AudioError } from '../../errors.ts';
import type { PeekSource } from '../peek-source.ts';
import {
  createDamage,
  type Damage,
  type DecodedAudio,
  type PacketDecoder,
  type PcmBlock,
  type ReaderContext,
} from './decoded-audio.ts';
import { identifyCodec, type OggCodec } from './ogg-codec.ts';
import { createPacketAssembler, type PacketAssembler } from './ogg-packets.ts';
import { lastGranule, type OggPage, oggPages, tailBytes } from './ogg-pages.ts';

/** Vorbis has three packets of them, Opus two, and those of FLAC behind the first are not needed. */
const maxHeaders = 3;
/** Faults of a decoder itself after which a stream is left; packets that are merely damaged are none. */
const maxFailures = 20;

/**
 * Opens an Ogg file with Opus, Vorbis or FLAC in it: the first such stream where several are interleaved, and one after
 * the other where several are chained.
 *
 * @param isChosen that the first of several was asked for: else a warning says that there are others
 * @throws AudioError ('AUDIO_DAMAGED') when no such stream begins
 */
export async function openOgg(context: ReaderContext, isChosen = false): Promise<DecodedAudio> {
  const { source } = context;
  const damage = createDamage(context);
  const pages = oggPages(source, damage.note);
  let next = await pages.next();
  let link = next.done ? undefined : startLink(next.value, damage);
  while (link === undefined && !next.done) {
    next = await pages.next();
    link = next.done ? undefined : startLink(next.value, damage);
  }
  if (link === undefined)
    throw new AudioError('AUDIO_DAMAGED', `${source.name} is damaged: the beginning of its Ogg streams is missing`);
  return {
    nChannels: link.codec.nChannels,
    durationSeconds: await duration(source, link),
    blocks: decodePages(context, pages, { ...link, isChosen }, damage),
    [Symbol.asyncDispose]: () => source[Symbol.asyncDispose](),
  };
}

/** One stream of sound: a link of the chain, from a first page to a last. */
interface Link {
  readonly serial: number;
  readonly codec: OggCodec;
  readonly assembler: PacketAssembler;
  readonly headers: Uint8Array[];
  /** opened with the first packet of sound */
  decoder: PacketDecoder | undefined;
  /** how often it had to be opened again */
  nFailures: number;
  /** samples decoded so far, those to be dropped included */
  nDecoded: number;
  /** sample that the granules' 0 stands for, once known: recordings of a broadcast begin anywhere */
  origin?: number;
  /** whether it was asked for, or a warning has said that there are others */
  isChosen: boolean;
  /** whether all streams that begin together with it have begun */
  hasBegun: boolean;
  hasEnded: boolean;
  /** whether packets of sound have come */
  hasPackets: boolean;
}

/** @returns undefined where a page begins no stream of sound */
function startLink(page: OggPage, damage: Damage): Link | undefined {
  const [head] = page.segments;
  const codec = page.isFirst && head !== undefined ? identifyCodec(head.slice()) : undefined;
  if (codec === undefined || head === undefined) return undefined;
  const assembler = createPacketAssembler(() => damage.note('pages are missing'));
  assembler.push(page);
  const headers = [head.slice()];
  const { serial, isLast } = page;
  return {
    serial,
    codec,
    assembler,
    headers,
    decoder: undefined,
    nFailures: 0,
    nDecoded: 0,
    isChosen: false,
    hasBegun: false,
    hasEnded: isLast,
    hasPackets: false,
  };
}

async function duration({ readTail }: PeekSource, { codec, serial }: Link): Promise<number | undefined> {
  const end = readTail && lastGranule(await readTail(tailBytes), serial);
  return end === undefined ? undefined : Math.max(0, end - codec.preSkip) / codec.granuleRate;
}

async function* decodePages(
  { source, warn }: ReaderContext,
  pages: AsyncIterable<OggPage>,
  first: Link,
  damage: Damage,
): AsyncGenerator<PcmBlock> {
  let link = first;
  let hasSound = false;
  try {
    for await (const page of pages) {
      if (page.isFirst) {
        const next = startLink(page, damage);
        if (next === undefined) continue;
        if (link.hasBegun) {
          link.decoder?.free();
          link = next;
        } else if (!link.isChosen) {
          warn(`${source.name} has several streams of sound: the first is read, --track reads another one`);
          link.isChosen = true;
        }
        continue;
      }
      link.hasBegun = true;
      if (page.serial !== link.serial) continue;
      link.hasEnded ||= page.isLast;
      for await (const block of decodePage(link, page, damage)) {
        hasSound ||= (block.channels[0]?.length ?? 0) > 0;
        yield block;
      }
    }
  } finally {
    link.decoder?.free();
  }
  // A stream may end, properly, before it has begun.
  if (!hasSound && (!link.hasEnded || link.hasPackets)) damage.note('none of its packets is whole');
  damage.report(hasSound);
  if (!link.hasEnded) warn(`${source.name} has no end mark: it may be cut short`);
}

async function* decodePage(link: Link, page: OggPage, damage: Damage): AsyncGenerator<PcmBlock> {
  const { codec, headers } = link;
  const packets = link.assembler.push(page);
  const sound = packets.filter((packet) => !codec.isHeader(packet));
  if (link.nDecoded === 0 && link.decoder === undefined)
    headers.push(...packets.filter(codec.isHeader).slice(0, maxHeaders - headers.length));
  link.hasPackets ||= sound.length > 0;
  if (sound.length === 0 || link.nFailures > maxFailures) return;
  try {
    link.decoder ??= await codec.open(headers);
    const { sampleRate } = link.decoder;
    for (let start = 0; start < sound.length; start += codec.packetsPerCall) {
      const { channels, nDamaged } = await link.decoder.decode(sound.slice(start, start + codec.packetsPerCall));
      for (let n = 0; n < nDamaged; n++) damage.note('packets cannot be decoded');
      const isPageEnd = start + codec.packetsPerCall >= sound.length;
      yield { channels: trim(link, page, channels, { sampleRate, isPageEnd }), sampleRate };
    }
  } catch {
    // What WebAssembly may do in the middle of a call leaves its memory in no state to go on with, or to be freed.
    damage.note('packets cannot be decoded');
    link.decoder = undefined;
    link.nFailures++;
  }
}

/** Takes off what a codec's delay adds at the beginning and what fills its last packet at the end. */
function trim(
  link: Link,
  page: OggPage,
  channels: readonly Float32Array[],
  { sampleRate, isPageEnd }: { readonly sampleRate: number; readonly isPageEnd: boolean },
): readonly Float32Array[] {
  const { codec } = link;
  const nSamples = channels[0]?.length ?? 0;
  const before = link.nDecoded;
  const after = before + nSamples;
  link.nDecoded = after;
  let end = after;
  if (page.granule !== undefined) {
    const position = Math.round((page.granule * sampleRate) / codec.granuleRate);
    if (page.isLast) link.origin ??= 0;
    else if (isPageEnd) link.origin ??= Math.max(0, position - after);
    if (page.isLast) end = Math.min(after, position - (link.origin ?? 0));
  }
  const start = Math.max(before, Math.round((codec.preSkip * sampleRate) / codec.granuleRate));
  return channels.map((samples) => samples.subarray(start - before, Math.max(start, end) - before));
}
