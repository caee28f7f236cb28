import { AudioError } from '../../errors.ts';
import type { PeekSource } from '../peek-source.ts';

/** A stretch of sound as decoded: one array for each channel, all of one length, full scale being 1. */
export interface PcmBlock {
  readonly channels: readonly Float32Array[];
  /** in Hz; may change within a recording that was put together */
  readonly sampleRate: number;
}

/** A recording whose header has been read. Disposing it closes what it reads from; so does reading it to its end. */
export interface DecodedAudio extends AsyncDisposable {
  /** of the first block at least */
  readonly nChannels: number;
  /** where the header says it */
  readonly durationSeconds: number | undefined;
  /** can be iterated once */
  readonly blocks: AsyncIterable<PcmBlock>;
}

/** What every format's reader works with. */
export interface ReaderContext {
  readonly source: PeekSource;
  /** told of what is wrong with the recording but does not keep it from being read */
  readonly warn: (message: string) => void;
  readonly signal?: AbortSignal;
}

/** Decodes the packets of one stream within a container. */
export interface PacketDecoder {
  /** in Hz, of what it gives */
  readonly sampleRate: number;
  /** @returns one array for each channel, none where no sound came out, and how many of the packets are damaged */
  decode(packets: readonly Uint8Array[]): Promise<{ channels: readonly Float32Array[]; nDamaged: number }>;
  free(): void;
}

/** Remembers what could not be decoded, for one message at the end instead of thousands on the way. */
export interface Damage {
  /** @param what in a few words, as in 'a frame is damaged' */
  note(what: string): void;
  /**
   * Says what was noted, if anything was.
   *
   * @param hasSound whether anything could be decoded at all
   * @throws AudioError ('AUDIO_DAMAGED') when nothing could
   */
  report(hasSound: boolean): void;
}

export function createDamage({ source, warn }: ReaderContext): Damage {
  let first: string | undefined;
  let nPlaces = 0;
  return {
    note(what) {
      first ??= what;
      nPlaces++;
    },
    report(hasSound) {
      if (first === undefined) return;
      const more = nPlaces === 1 ? '' : `, and more in ${nPlaces - 1} other places`;
      if (!hasSound)
        throw new AudioError(
          'AUDIO_DAMAGED',
          `${source.name} is damaged, nothing in it can be decoded: ${first}${more}`,
        );
      warn(`${source.name} is damaged: ${first}${more}; that is left out, and what follows comes so much earlier`);
    },
  };
}

/** What to say of a header that promises more than there is. */
export function cutShortText(name: string, saidSeconds: number, heldSeconds: number): string {
  return `${name} is cut short: its header says ${saidSeconds.toFixed(2)} s, it holds ${heldSeconds.toFixed(2)} s`;
}
