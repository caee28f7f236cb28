interface Signature {
  readonly offset: number;
  readonly bytes: string;
  readonly kind: string;
}

/** Bytes, one a character, that tell common formats apart within the first 12. More telling ones come first. */
const signatures: readonly Signature[] = [
  { offset: 0, bytes: 'ID3', kind: 'MP3' },
  { offset: 0, bytes: 'fLaC', kind: 'FLAC' },
  { offset: 0, bytes: 'OggS', kind: 'Ogg (Vorbis or Opus)' },
  { offset: 4, bytes: 'ftyp', kind: 'MP4 (m4a)' },
  { offset: 0, bytes: '\x1aE\xdf\xa3', kind: 'Matroska or WebM' },
  { offset: 8, bytes: 'AIFF', kind: 'AIFF' },
  { offset: 8, bytes: 'AIFC', kind: 'AIFF' },
  { offset: 8, bytes: 'AVI ', kind: 'AVI' },
  { offset: 0, bytes: 'RIFX', kind: 'big-endian WAV (RIFX)' },
  { offset: 0, bytes: 'riff', kind: 'Wave64' },
  { offset: 0, bytes: 'caff', kind: 'CAF' },
  { offset: 0, bytes: '.snd', kind: 'AU' },
  { offset: 0, bytes: '#!AMR', kind: 'AMR' },
  { offset: 0, bytes: '\x30\x26\xb2\x75', kind: 'WMA' },
  { offset: 0, bytes: '\xff\xf1', kind: 'AAC' },
  { offset: 0, bytes: '\xff\xf9', kind: 'AAC' },
];

/**
 * Tells what a file that is not a WAV looks like.
 *
 * @param head its first bytes, 12 or fewer
 * @returns the format's name, or undefined when the bytes say nothing
 */
export function fileKind(head: Uint8Array): string | undefined {
  const text = Buffer.from(head).toString('latin1');
  const known = signatures.find(({ offset, bytes }) => text.startsWith(bytes, offset));
  if (known !== undefined) return known.kind;
  // An MPEG audio frame begins with 11 set bits; layer bits 00 are reserved.
  const second = head[1] ?? 0;
  if (head[0] === 0xff && (second & 0xe0) === 0xe0 && (second & 0x06) !== 0) return 'MP3';
  return /^[\t\n\r\x20-\x7e]+$/.test(text) ? 'text' : undefined;
}

/** How to make a WAV of an input that is none, or one that cannot be read. */
export function conversionHint(name: string): string {
  if (name === 'stdin') return 'convert it on the way: ffmpeg -i - -ar 16000 -ac 1 -f wav -';
  return `convert it first: ffmpeg -i "${name}" -ar 16000 -ac 1 "${name.replace(/\.[^./\\]*$/, '')}-16k.wav"`;
}
