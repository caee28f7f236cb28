import type { Segment, Word } from '../transcribe/segment.ts';
import { lines, oneLine } from './plain-text.ts';
import { wholeMs } from './timestamp.ts';

/** Some lines of text and when they are shown. */
export interface Cue {
  readonly startSeconds: number;
  readonly endSeconds: number;
  /** Never blank, nor is any of its lines; without the arrow that parts times; with marks of its format, as in `<u>`. */
  readonly text: string;
}

/** How words are laid out in cues; nothing of it matters where segments have no words. */
export interface CueLayout {
  /** Characters (code points) in a line. */
  readonly maxLineWidth?: number | undefined;
  /** Lines in a cue. With a width too, cues no longer end where segments do. */
  readonly maxLineCount?: number | undefined;
  /** Words in a cue; without effect where width and line count are both given. */
  readonly maxWordsPerLine?: number | undefined;
  /** Shows a cue once per word, with that word underlined. */
  readonly highlightWords?: boolean | undefined;
}

/** A longer silence than this begins a new line, and a new cue. */
const longPauseSeconds = 3;
const unlimited = 1000;

/**
 * Subtitles as openai/whisper lays them out (utils.py, SubtitlesWriter): a cue per segment, or from words where there are
 * any. In what it gets wrong this differs: words too lose arrows and line breaks, an arrow with a longer shaft is one too,
 * cues do not overlap and each is seen for a tenth of a second at least, and a segment without words is not lost among
 * others that have them.
 *
 * @param written what was said as the format writes it, so that nothing in it is taken for a mark; widths are those of what was said
 */
export function cues(
  segments: readonly Segment[],
  layout: CueLayout,
  written: (text: string) => string = (text) => text,
): Cue[] {
  const laidOut = segments.some(({ words }) => words !== undefined)
    ? readable(
        cuesOfWords(segments, layout)
          .map((words) => words.map((word) => ({ ...word, text: written(word.text) })))
          .flatMap((words) => (layout.highlightWords ? highlighted(words) : [joined(words)])),
      )
    : lines(segments).map((line) => ({ ...line, text: written(line.text) }));
  return laidOut.flatMap((cue) =>
    cue.text.trim() === '' ? [] : [{ ...cue, text: cue.text.replace(/-{2,}>/g, '->') }],
  );
}

/** No cue of words is shown for less time. */
const shortestSeconds = 0.1;

/**
 * In order, without overlap, and each long enough to be seen: a short cue extends into the gap behind it, then takes from
 * the one behind it, and at the end of the recording from the one before.
 */
function readable(given: readonly Cue[]): Cue[] {
  const cues = given.map((cue) => ({ ...cue }));
  let shownUntil = 0;
  for (const cue of cues) {
    cue.startSeconds = Math.max(cue.startSeconds, shownUntil);
    cue.endSeconds = Math.max(cue.endSeconds, cue.startSeconds + shortestSeconds);
    shownUntil = cue.endSeconds;
  }
  let limit = given.reduce((latest, { endSeconds }) => Math.max(latest, endSeconds), 0);
  if (limit < shortestSeconds * cues.length) return cues;
  for (const cue of cues.toReversed()) {
    cue.endSeconds = Math.min(cue.endSeconds, limit);
    cue.startSeconds = Math.max(0, Math.min(cue.startSeconds, cue.endSeconds - shortestSeconds));
    limit = cue.startSeconds;
  }
  return cues;
}

function joined(words: readonly Word[]): Cue {
  return {
    startSeconds: words[0]?.startSeconds ?? 0,
    endSeconds: words.at(-1)?.endSeconds ?? 0,
    text: words.map(({ text }) => text).join(''),
  };
}

/** A cue per word, and the plain text in the pauses between them that last long enough to be seen. */
function highlighted(words: readonly Word[]): Cue[] {
  const { text } = joined(words);
  const isSeen = (pauseSeconds: number) => wholeMs(pauseSeconds) >= 1000 * shortestSeconds;
  let shownUntil = words[0]?.startSeconds ?? 0;
  return words.flatMap(({ startSeconds, endSeconds }, spoken) => {
    const pause = { startSeconds: shownUntil, endSeconds: startSeconds, text };
    const next = words[spoken + 1];
    const isJoined = next !== undefined && next.startSeconds > endSeconds && !isSeen(next.startSeconds - endSeconds);
    const marked = words.map((word, i) => (i === spoken ? underlined(word.text) : word.text)).join('');
    shownUntil = isJoined ? next.startSeconds : endSeconds;
    const cue = { startSeconds, endSeconds: shownUntil, text: marked };
    return isSeen(pause.endSeconds - pause.startSeconds) ? [pause, cue] : [cue];
  });
}

function underlined(word: string): string {
  const spoken = word.trimStart();
  return `${word.slice(0, word.length - spoken.length)}<u>${spoken}</u>`;
}

/** The words of each cue, with a line break before those that begin a line within it. */
function cuesOfWords(segments: readonly Segment[], layout: CueLayout): Word[][] {
  const { maxLineWidth = unlimited, maxLineCount, maxWordsPerLine = unlimited } = layout;
  const fillsCues = layout.maxLineWidth !== undefined && maxLineCount !== undefined;
  const done: Word[][] = [];
  let cue: Word[] = [];
  let lineWidth = 0;
  let lineCount = 1;
  let previousStart: number | undefined;
  for (const segment of segments) {
    for (const [i, word] of wordsOf(segment).entries()) {
      const width = [...word.text].length;
      const isAfterPause = fillsCues && word.startSeconds - (previousStart ?? word.startSeconds) > longPauseSeconds;
      const beginsGroup = !fillsCues && i % maxWordsPerLine === 0 && cue.length > 0;
      previousStart = word.startSeconds;
      if (lineWidth > 0 && lineWidth + width <= maxLineWidth && !isAfterPause && !beginsGroup) {
        cue.push(word);
        lineWidth += width;
        continue;
      }
      const text = word.text.trim();
      const isFull = maxLineCount !== undefined && (isAfterPause || lineCount >= maxLineCount);
      if (cue.length > 0 && (isFull || beginsGroup)) {
        done.push(cue);
        cue = [{ ...word, text }];
        lineCount = 1;
      } else {
        const breaksLine = lineWidth > 0;
        if (breaksLine) lineCount++;
        cue.push({ ...word, text: breaksLine ? `\n${text}` : text });
      }
      lineWidth = [...text].length;
    }
  }
  return cue.length > 0 ? [...done, cue] : done;
}

/** A segment's words, each with something to show: blanks go to the word after them. */
function wordsOf({ words, ...segment }: Segment): Word[] {
  const all =
    words !== undefined && words.length > 0 ? words : [{ ...segment, probability: Math.exp(segment.avgLogprob) }];
  let blanks = '';
  return all.flatMap((word) => {
    const text = blanks + oneLine(word.text);
    const isBlank = text.trim() === '';
    blanks = isBlank ? text : '';
    return isBlank ? [] : [{ ...word, text }];
  });
}
