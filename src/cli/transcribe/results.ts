import { writeTogether } from '../../output/files/write-together.ts';
import { formats } from '../../output/formats.ts';
import { rounded, transcriptJson } from '../../output/json.ts';
import { jsonText } from '../../output/json-text.ts';
import { oneLine } from '../../output/plain-text.ts';
import { timestamp } from '../../output/timestamp.ts';
import type { Transcript } from '../../output/transcript.ts';
import { printable, printableSpeech } from '../../printable.ts';
import type { Segment } from '../../transcribe/segment.ts';
import type { Session } from '../session.ts';
import type { Terminal } from '../terminal.ts';
import type { Speaker } from './batch/in-order.ts';
import type { Job } from './batch/jobs.ts';
import { type ColorDepth, colorDepth, coloredByConfidence } from './confidence.ts';
import type { OutputSettings } from './output-settings.ts';

/** Where the results of a recording go. */
export interface Results {
  /** Before the first segment of a recording. */
  begin(name: string): Promise<void>;
  /** As soon as a segment is there. */
  segment(segment: Segment): Promise<void>;
  /** With the whole transcript; `date` is what its files are dated. */
  end(job: Job, transcript: Transcript, elapsedSeconds: number, date: Date): Promise<void>;
}

/**
 * @param nFiles how many recordings there are in all
 * @returns the results of each recording, given who speaks for it
 */
export function openResults(
  settings: OutputSettings,
  session: Session,
  terminal: Terminal,
  nFiles: number,
): (speaker: Pick<Speaker, 'say'>) => Results {
  const { stdout, formats: names, layout, showsTimes } = settings;
  const toStdout = stdout === 'segments';
  // Somebody who watches one recording being written to files sees it grow.
  const isShown = toStdout || showsTimes || (stdout === 'nothing' && nFiles === 1 && session.stderr.isTTY === true);
  const stream = toStdout ? session.stdout : session.stderr;
  const depth = depthOf(settings.colors, stream);
  // Who reads stdout by a program gets every character that was heard.
  const isForPeople = !toStdout || stream.isTTY === true;

  const print = (text: string, isStyled = false) => {
    terminal.endProgress();
    return session.print(text, isStyled);
  };
  const printLine = (text: string) => print(`${text}\n`);
  return ({ say }) => ({
    async begin(name) {
      if (toStdout && nFiles > 1) await say(() => printLine(`==> ${printable(name)} <==`));
    },
    async segment(segment) {
      if (!isShown) return;
      // Without being asked for colours only words get them: they alone differ within a line.
      const usedDepth = settings.colors === undefined && segment.words === undefined ? 0 : depth;
      const text = coloredByConfidence(isForPeople ? printableSegment(segment) : segment, usedDepth);
      const line = showsTimes || !toStdout ? `${times(segment)} ${text}` : text;
      await say(async () => (toStdout ? print(`${line}\n`, true) : terminal.styledNote(line)));
    },
    async end({ outputs }, transcript, elapsedSeconds, date) {
      const contents = [...outputs].map(([name, path]) => [path, formats[name](transcript, layout)] as const);
      await writeTogether(new Map(contents), date);
      if (outputs.size > 0 && nFiles === 1) terminal.note(`written: ${[...outputs.values()].join(', ')}`);
      if (stdout === 'json') {
        const line = jsonLine(transcript, elapsedSeconds, [...outputs.values()]);
        await say(() => printLine(line));
      }
      if (stdout === 'document') {
        const content = names.map((name) => document(formats[name](transcript, layout))).join('');
        await say(() => print(content));
      }
    },
  });
}

function printableSegment({ text, words, ...others }: Segment): Segment {
  return {
    ...others,
    text: printableSpeech(oneLine(text)),
    ...(words === undefined
      ? {}
      : { words: words.map((word) => ({ ...word, text: printableSpeech(oneLine(word.text)) })) }),
  };
}

function depthOf(colors: boolean | undefined, stream: NodeJS.WriteStream): ColorDepth {
  if (colors === false) return 0;
  const depth = colorDepth(stream);
  return colors === true && depth === 0 ? 256 : depth;
}

function times({ startSeconds, endSeconds }: Segment): string {
  return `[${timestamp(startSeconds, 'if any', '.')} --> ${timestamp(endSeconds, 'if any', '.')}]`;
}

/** What a file holds ends without a line break in JSON; a stream of them needs one. */
function document(content: string): string {
  return content === '' || content.endsWith('\n') ? content : `${content}\n`;
}

/** What the format json holds, on one line, and behind it what it took and what was written. */
function jsonLine(transcript: Transcript, elapsedSeconds: number, outputs: readonly string[]): string {
  const { audioSeconds } = transcript;
  return jsonText({
    ...transcriptJson(transcript),
    ...(outputs.length === 0 ? {} : { outputs }),
    elapsed: rounded(elapsedSeconds, 3),
    rtf: audioSeconds === 0 ? null : rounded(elapsedSeconds / audioSeconds, 4),
  });
}
