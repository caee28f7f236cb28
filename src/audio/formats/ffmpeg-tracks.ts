import { AudioError } from '../../errors.ts';

/** A track of sound, by its number, counted from 1, or by the code of its language. */
export type TrackChoice = number | string;

/** What a container says of a track of sound. */
export interface Track {
  /** as it says it, mostly in three letters */
  readonly language: string | undefined;
  readonly isDefault: boolean;
}

/** What ffmpeg says of the tracks of sound in its input, in the order in which it counts them. */
export function soundTracks(messages: readonly string[]): Track[] {
  const tracks = new Map<number, Track>(); // a stream of several programs is listed in each
  for (const line of messages) {
    if (/^\[info\] (Output #|Stream mapping)/.test(line)) break;
    const found = /^\[info\] +Stream #0:(\d+)(?:\[0x[0-9a-f]+\])?(?:\(([\w-]+)\))?: Audio: (.*)/.exec(line);
    if (found === null) continue;
    const [, index, language, about = ''] = found;
    const isKnown = language !== undefined && language !== 'und';
    tracks.set(Number(index), { language: isKnown ? language : undefined, isDefault: about.includes('(default)') });
  }
  return [...tracks].sort(([a], [b]) => a - b).map(([, track]) => track);
}

/**
 * Chooses a track: the first of those that fit, rather a default one.
 *
 * @param name of the recording, for messages
 * @returns its index, counted from 0
 * @throws AudioError ('AUDIO_NO_TRACK')
 */
export function chooseTrack(tracks: readonly Track[], wanted: TrackChoice | undefined, name: string): number {
  if (typeof wanted === 'number') {
    if (wanted <= tracks.length) return wanted - 1;
    throw noTrack(`${name} has no track ${wanted} of sound`, tracks);
  }
  // One that does not say its language may be meant where there is no other.
  const isMeant = ({ language }: Track) =>
    wanted === undefined || (language === undefined ? tracks.length === 1 : isSame(language, wanted));
  const preferred = tracks.findIndex((track) => isMeant(track) && track.isDefault);
  const chosen = preferred >= 0 ? preferred : tracks.findIndex(isMeant);
  if (chosen < 0) throw noTrack(`${name} has no track of sound that says it is in ${wanted}`, tracks);
  return chosen;
}

/**
 * Sees that what has one track, which does not say its language, is not asked for another.
 *
 * @throws AudioError ('AUDIO_NO_TRACK')
 */
export function checkOnlyTrack(wanted: TrackChoice | undefined, name: string): void {
  if (wanted !== undefined) chooseTrack([{ language: undefined, isDefault: true }], wanted, name);
}

/** All tracks by their numbers, as in `1 (deu) and 2 (eng, default)`. */
export function listed(tracks: readonly Track[]): string {
  const names = tracks.map(({ language, isDefault }, i) => {
    const about = [language, isDefault ? 'default' : undefined].filter((part) => part !== undefined);
    return about.length === 0 ? `${i + 1}` : `${i + 1} (${about.join(', ')})`;
  });
  return names.length < 2 ? names.join('') : `${names.slice(0, -1).join(', ')} and ${names.at(-1)}`;
}

function noTrack(message: string, tracks: readonly Track[]): AudioError {
  const hint = tracks.length === 1 ? 'it has one track: leave the choice out' : `it has ${listed(tracks)}`;
  return new AudioError('AUDIO_NO_TRACK', message, { hint });
}

/** Whether two codes, of two letters or three, mean one language. */
function isSame(a: string, b: string): boolean {
  return canonical(a) === canonical(b);
}

function canonical(code: string): string {
  try {
    const [language = code] = Intl.getCanonicalLocales(code);
    return language.split('-')[0] === 'nb' ? 'no' : (language.split('-')[0] ?? code);
  } catch {
    return code; // containers hold any letters
  }
}
