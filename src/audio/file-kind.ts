import { shellCommand } from '../child-program.ts';
import { findFirstFrame } from './formats/mp3-header.ts';

/** Formats that are decoded in this process, some of them only where their samples are not compressed. */
export type NativeKind = 'wav' | 'aiff' | 'caf' | 'mp3' | 'flac' | 'ogg';

/** What the first bytes of a file say. */
export interface FileKind {
  /** undefined where another program has to decode it */
  readonly native?: NativeKind;
  /** for messages */
  readonly label: string;
  /** that it is something known in which there is no sound */
  readonly isSilent?: boolean;
}

interface Signature extends FileKind {
  readonly offset: number;
  readonly bytes: string;
}

/**
 * Bytes, one a character, that tell common formats apart within the first 12. More telling ones come first. Those of
 * containers matter most, for they may hold MPEG audio that would be found in them.
 */
const signatures: readonly Signature[] = [
  { offset: 0, bytes: 'fLaC', label: 'FLAC', native: 'flac' },
  ...['heic', 'heix', 'heim', 'heis', 'mif1', 'avif', 'crx '].map((brand) => ({
    offset: 4,
    bytes: `ftyp${brand}`,
    label: 'a picture',
    isSilent: true,
  })),
  { offset: 4, bytes: 'ftyp', label: 'MP4 (m4a)' },
  { offset: 0, bytes: '\x1aE\xdf\xa3', label: 'Matroska or WebM' },
  { offset: 8, bytes: 'AIFF', label: 'AIFF', native: 'aiff' },
  { offset: 8, bytes: 'AIFC', label: 'AIFF', native: 'aiff' },
  { offset: 8, bytes: 'AVI ', label: 'AVI' },
  { offset: 0, bytes: 'RIFX', label: 'big-endian WAV (RIFX)' },
  { offset: 0, bytes: 'riff', label: 'Wave64' },
  { offset: 0, bytes: 'caff', label: 'CAF', native: 'caf' },
  { offset: 0, bytes: '.snd', label: 'AU' },
  { offset: 0, bytes: '#!AMR', label: 'AMR' },
  { offset: 0, bytes: '\x30\x26\xb2\x75', label: 'WMA' },
  { offset: 0, bytes: '\0\0\x01\xba', label: 'MPEG program stream' },
  { offset: 0, bytes: '\0\0\x01\xb3', label: 'MPEG video' },
  ...['moov', 'mdat', 'wide', 'free', 'skip', 'pnot'].map((bytes) => ({ offset: 4, bytes, label: 'QuickTime' })),
  { offset: 0, bytes: 'FLV\x01', label: 'FLV' },
  { offset: 0, bytes: '.RMF', label: 'RealMedia' },
  { offset: 0, bytes: '\x06\x0e\x2b\x34', label: 'MXF' },
  { offset: 8, bytes: '8SVX', label: '8SVX' },
  { offset: 0, bytes: 'Creative Voice File', label: 'VOC' },
  { offset: 0, bytes: 'NIST_1A', label: 'NIST SPHERE' },
  // Of four machines in turn, in either order of bytes.
  ...['\x01', '\x02', '\x03', '\x04']
    .flatMap((machine) => [`\x64\xa3${machine}\0`, `\0${machine}\xa3\x64`])
    .map((bytes) => ({ offset: 0, bytes, label: 'IRCAM' })),
  { offset: 0, bytes: '2BIT', label: 'AVR' },
  { offset: 0, bytes: 'fap ', label: 'PAF' },
  { offset: 0, bytes: ' paf', label: 'PAF' },
  { offset: 0, bytes: 'wvpk', label: 'WavPack' },
  { offset: 0, bytes: 'MAC ', label: "Monkey's Audio" },
  { offset: 0, bytes: 'TTA1', label: 'True Audio' },
  { offset: 0, bytes: 'MPCK', label: 'Musepack' },
  { offset: 0, bytes: 'MP+', label: 'Musepack' },
  { offset: 0, bytes: 'DSD ', label: 'DSF' },
  { offset: 0, bytes: 'FRM8', label: 'DSDIFF' },
  { offset: 0, bytes: 'ADIF', label: 'AAC' },
  { offset: 0, bytes: '\x0b\x77', label: 'AC-3' },
  { offset: 0, bytes: '\x7f\xfe\x80\x01', label: 'DTS' },
  { offset: 0, bytes: '\xff\xf1', label: 'AAC' },
  { offset: 0, bytes: '\xff\xf9', label: 'AAC' },
];

/** Bytes that make sure: enough for the first pages of an Ogg and three frames of any MP3. */
export const headBytes = 8192;
/** How far into a file a first MP3 frame is looked for, behind whatever an editor left there. */
export const searchBytes = 65_536;

/**
 * Tells what a file is by its content; names prove nothing.
 *
 * @param head its first bytes: `headBytes` of them, or all it has; with more, MP3 frames are found further behind junk
 * @returns undefined when the bytes say nothing
 */
export function fileKind(head: Uint8Array): FileKind | undefined {
  const text = Buffer.from(head.buffer, head.byteOffset, head.length).toString('latin1');
  if (/^(RIFF|RF64|BW64)/.test(text) && (head.length < 12 || text.startsWith('WAVE', 8)))
    return { native: 'wav', label: 'WAV' };
  if (text.startsWith('OggS')) return oggKind(text);
  // Some signatures are words: a text may begin with them.
  if (isSurelyText(head) && !text.startsWith('NIST_1A')) return plainText;
  const known = signatures.find(({ offset, bytes }) => text.startsWith(bytes, offset));
  if (known !== undefined) return known;
  if (isTransportStream(head)) return { label: 'MPEG transport stream' };
  if (findFirstFrame(head) !== undefined) return { native: 'mp3', label: 'MP3' };
  return head.length > 0 && isText(head) ? plainText : undefined;
}

const plainText: FileKind = { label: 'text', isSilent: true };

/** No audio goes without a control character for this long. */
function isText(head: Uint8Array): boolean {
  return !head.subarray(0, 512).some(isControl);
}

/** There is enough of it, and no byte that begins frames of sound but no character of UTF-8. */
function isSurelyText(head: Uint8Array): boolean {
  return head.length >= 64 && isText(head) && !head.subarray(0, 512).includes(0xff);
}

/** Packets of 188 bytes begin with the same one (ISO 13818-1 §2.4.3.2); some programs add 4 before or 16 behind each. */
function isTransportStream(head: Uint8Array): boolean {
  const packets = [0, 1, 2, 3, 4];
  return [188, 192, 204].some((packetBytes) => {
    const offset = packetBytes === 192 ? 4 : 0;
    return packets.every((packet) => head[offset + packet * packetBytes] === 0x47);
  });
}

/** The first packets of all its streams stand at the beginning, each on a page of its own (RFC 3533 §6). */
function oggKind(text: string): FileKind {
  if (['OpusHead', '\x01vorbis', '\x7fFLAC'].some((start) => text.includes(start)))
    return { native: 'ogg', label: 'Ogg' };
  return { label: text.includes('Speex') ? 'Ogg Speex' : 'Ogg of a kind not known here' };
}

/** Whether a byte has no place in text: below the space there are tabs and line ends alone. */
function isControl(byte: number): boolean {
  return byte < 0x20 && !(byte >= 0x09 && byte <= 0x0d);
}

/** How to make a WAV of an input that is none, or one that cannot be read. */
export function conversionHint(name: string): string {
  if (name === 'stdin') return 'convert it on the way: ffmpeg -i - -ar 16000 -ac 1 -f wav -';
  const path = name.startsWith('-') ? `./${name}` : name; // or it would be an option
  const converted = `${path.replace(/\.[^./\\]*$/, '')}-16k.wav`;
  return `convert it first: ${shellCommand('ffmpeg', '-i', path, '-ar', '16000', '-ac', '1', converted)}`;
}
