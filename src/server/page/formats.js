import { textOf } from './segments.js';

const two = (value) => String(value).padStart(2, '0');

/** Whole units, halves to the even one, as the server writes times. */
function whole(value) {
  const below = Math.floor(value);
  return value - below === 0.5 ? below + (below % 2) : Math.round(value);
}

function time(seconds, marker, withHours) {
  const ms = whole(Math.max(0, seconds) * 1000);
  const hours = Math.floor(ms / 3_600_000);
  const rest = `${two(Math.floor(ms / 60_000) % 60)}:${two(Math.floor(ms / 1000) % 60)}${marker}${String(ms % 1000).padStart(3, '0')}`;
  return withHours || hours > 0 ? `${two(hours)}:${rest}` : rest;
}

function lyricsTime(seconds) {
  const hundredths = whole(Math.max(0, seconds) * 100);
  return `${two(Math.floor(hundredths / 6000))}:${two(Math.floor(hundredths / 100) % 60)}.${two(hundredths % 100)}`;
}

/** Each segment that says something as one line. */
function lines(segments) {
  return segments.flatMap(({ start, end, words }) => {
    const text = textOf({ words })
      .replace(/\r\n|[^\P{Cc}\t]|[\u2028\u2029]/gu, ' ')
      .trim();
    return text === '' ? [] : [{ start, end, text }];
  });
}

const cue = (text) => text.replace(/-{2,}>/g, '->');

/** The content of a file, by the name of its format; without word times it is byte for byte the server's. */
export const formats = {
  srt: ({ segments }) =>
    lines(segments)
      .map(
        ({ start, end, text }, i) =>
          `${i + 1}\n${time(start, ',', true)} --> ${time(end, ',', true)}\n${cue(text)}\n\n`,
      )
      .join(''),
  vtt: ({ segments }) => {
    const escaped = (text) => text.replaceAll('&', '&amp;').replaceAll('<', '&lt;');
    const cues = lines(segments).map(
      ({ start, end, text }) => `${time(start, '.')} --> ${time(end, '.')}\n${cue(escaped(text))}\n\n`,
    );
    return `WEBVTT\n\n${cues.join('')}`;
  },
  txt: ({ segments }) =>
    lines(segments)
      .map(({ text }) => `${text}\n`)
      .join(''),
  json: ({ name, duration, language, model, segments }) => {
    const told = segments.map(({ start, end, words }, id) => ({
      id,
      start,
      end,
      text: textOf({ words }),
      words: words.map(wordJson),
    }));
    const text = segments.map(textOf).join('');
    return `${JSON.stringify({ text, segments: told, language, duration, file: name, model }, undefined, 2)}\n`;
  },
  lrc: ({ segments }) => {
    const rows = lines(segments).map(({ start, text }) => `[${lyricsTime(start)}]${text}\n`);
    return `[by:whisper-npu]\n${rows.join('')}`;
  },
};

function wordJson({ text, ...rest }) {
  return { word: text, ...rest };
}
