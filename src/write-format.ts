import { checkedOptions } from './options/library-options.ts';
import { wordOptions } from './options/subtitles.ts';
import type { CueLayout } from './output/cues.ts';
import { type FormatName, formats as uncheckedFormats } from './output/formats.ts';
import type { Transcript } from './output/transcript.ts';

type WriteFormat = (transcript: Transcript, layout?: CueLayout) => string;

/**
 * What makes each format of a transcript: the content of a file, to be written as UTF-8.
 *
 * @throws UsageError for options of a layout that there are not
 */
export const formats = Object.fromEntries(
  Object.entries(uncheckedFormats).map(([name, write]): [string, WriteFormat] => [
    name,
    (transcript, layout = {}) => {
      // A layout without effect is no reason to say anything: there is nobody here to say it to.
      const checked = checkedOptions({ call: 'formats', tables: [wordOptions] }, layout, () => undefined);
      return write(transcript, checked as CueLayout);
    },
  ]),
) as Readonly<Record<FormatName, WriteFormat>>;
