/** A cue as a player reads it. */
export interface ParsedCue {
  readonly startMs: number;
  readonly endMs: number;
  readonly lines: readonly string[];
}

/** Reads SubRip strictly: blocks parted by single blank lines, numbered from 1. Written without a look at the writer. */
export function parseSrt(content: string): ParsedCue[] {
  return blocks(content).map((lines, i) => {
    if (lines[0] !== String(i + 1)) throw new Error(`cue ${i + 1} is numbered ${lines[0]}`);
    return parseCue(lines.slice(1), /^(\d{2,}):(\d\d):(\d\d),(\d{3}) --> (\d{2,}):(\d\d):(\d\d),(\d{3})$/);
  });
}

/** Reads WebVTT of cues only, strictly: its only mark is underlining, and references stand for what could be taken for more. */
export function parseVtt(content: string): ParsedCue[] {
  const [header, ...cues] = blocks(content);
  if (header?.join() !== 'WEBVTT') throw new Error(`begins with ${header?.join()}`);
  return cues.map((lines) => {
    const cue = parseCue(lines, /^(?:(\d{2,}):)?(\d\d):(\d\d)\.(\d{3}) --> (?:(\d{2,}):)?(\d\d):(\d\d)\.(\d{3})$/);
    return { ...cue, lines: cue.lines.map(withoutReferences) };
  });
}

function withoutReferences(line: string): string {
  if (/&(?!amp;|lt;)|<(?!\/?u>)/.test(line)) throw new Error(`no text of a cue: ${JSON.stringify(line)}`);
  return line.replaceAll('&lt;', '<').replaceAll('&amp;', '&');
}

function blocks(content: string): string[][] {
  if (content === '') return [];
  if (!content.endsWith('\n\n')) throw new Error('the last block is not closed');
  return content
    .slice(0, -2)
    .split('\n\n')
    .map((block) => block.split('\n'));
}

function parseCue([times = '', ...lines]: readonly string[], pattern: RegExp): ParsedCue {
  const fields = pattern
    .exec(times)
    ?.slice(1)
    .map((digits) => Number(digits ?? 0));
  if (fields === undefined) throw new Error(`no times: ${JSON.stringify(times)}`);
  const ms = ([h = 0, m = 0, s = 0, rest = 0]: number[]) => {
    if (m > 59 || s > 59) throw new Error(`no such time: ${times}`);
    return ((h * 60 + m) * 60 + s) * 1000 + rest;
  };
  if (lines.length === 0) throw new Error('a cue without text');
  for (const line of lines) {
    if (line.trim() === '' || line.includes('-->') || /[\p{Cc}\u2028\u2029]/u.test(line.replaceAll('\t', '')))
      throw new Error(`no line of a cue: ${JSON.stringify(line)}`);
  }
  return { startMs: ms(fields.slice(0, 4)), endMs: ms(fields.slice(4)), lines };
}
