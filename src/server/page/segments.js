/**
 * Segments as the page keeps them: never changed, only replaced. The words of a segment, joined, are its text; where the server
 * gave none the whole text is one word. A word that somebody wrote has no probability.
 */

export const textOf = ({ words }) => words.map(({ text }) => text).join('');

/** Of an event of the server, whose words stand without the spaces between them. */
export function segmentOf({ start, end, text, words = [] }) {
  const found = [];
  let at = 0;
  for (const { word, start, end, probability } of words) {
    const place = text.indexOf(word, at);
    if (place < 0) continue; // its characters go to the next one
    const upTo = place + word.length;
    found.push({ text: text.slice(at, upTo), start, end, probability });
    at = upTo;
  }
  if (found.length === 0) return { start, end, words: [{ text, start, end }] };
  const last = found.pop();
  return { start, end, words: [...found, { ...last, text: last.text + text.slice(at) }] };
}

const wordsIn = new Intl.Segmenter(undefined, { granularity: 'word' });

/** Words for a text that somebody wrote, spread over a time by their lengths. */
function spread(text, start, end) {
  const pieces = [...wordsIn.segment(text)].reduce((pieces, { segment }) => {
    // Spaces go in front of words, and signs behind them, as in the server's.
    if (pieces.length > 0 && (/^[^\p{L}\p{N}\s]+$/u.test(segment) || /^\s*$/.test(pieces.at(-1))))
      pieces.push(pieces.pop() + segment);
    else pieces.push(segment);
    return pieces;
  }, []);
  let at = start;
  return pieces.map((piece) => {
    const from = at;
    at += ((end - start) * piece.length) / text.length;
    return { text: piece, start: from, end: at };
  });
}

/** The segment with another text: words that stay at its ends keep their times, what is new lies between them. */
export function reworded(segment, text) {
  const { words } = segment;
  const old = textOf(segment);
  const now = /^\s/.test(old) && !/^\s/.test(text) ? ` ${text}` : text;
  if (now === old) return segment;
  let [before, head, behind, tail] = [0, 0, words.length, 0];
  while (before < words.length && now.startsWith(words[before].text, head)) head += words[before++].text.length;
  // A word is kept whole only where another one begins behind it.
  if (before > 0 && head < now.length && !/^\s/.test(now.slice(head)) && /^\w/.test(now.slice(head)))
    head -= words[--before].text.length;
  while (behind > before) {
    const { length } = words[behind - 1].text;
    if (now.length - tail - length < head || !now.endsWith(words[behind - 1].text, now.length - tail)) break;
    tail += length;
    behind--;
  }
  const middle = now.slice(head, now.length - tail);
  const start = words[before]?.start ?? words[before - 1]?.end ?? segment.start;
  const end = words[behind - 1]?.end ?? words[behind]?.start ?? segment.end;
  const between = middle === '' ? [] : spread(middle, Math.min(start, end), Math.max(start, end));
  return { ...segment, words: [...words.slice(0, before), ...between, ...words.slice(behind)] };
}

/** Two segments of one, parted before the character at that place of its text; one where nothing would be in the other. */
export function split(segment, offset) {
  const whole = textOf(segment);
  const [left, right] = [whole.slice(0, offset), whole.slice(offset)];
  if (left.trim() === '' || right.trim() === '') return [segment];
  const [first, second] = [[], []];
  let at = 0;
  for (const word of segment.words) {
    const inFirst = offset - at;
    at += word.text.length;
    if (inFirst >= word.text.length) first.push(word);
    else if (inFirst <= 0) second.push(word);
    else {
      const time = word.start + ((word.end - word.start) * inFirst) / word.text.length;
      first.push({ ...word, text: word.text.slice(0, inFirst), end: time });
      second.push({ ...word, text: word.text.slice(inFirst), start: time });
    }
  }
  return [
    { start: segment.start, end: first.at(-1).end, words: first },
    { start: second[0].start, end: segment.end, words: second },
  ];
}

export function joined(first, second) {
  return { start: first.start, end: second.end, words: [...first.words, ...second.words] };
}

/** Where a text stands, whatever the size of its letters: [index of the segment, place in its text], in order. */
export function placesOf(segments, wanted) {
  if (wanted === '') return [];
  const pattern = new RegExp(RegExp.escape?.(wanted) ?? wanted.replace(/[\\^$.*+?()[\]{}|/-]/g, '\\$&'), 'giu');
  return segments.flatMap((segment, i) =>
    [...textOf(segment).matchAll(pattern)].map(({ index, 0: found }) => [i, index, found.length]),
  );
}

/** The segments with a text in some places instead of what stands there. */
export function replaced(segments, places, instead) {
  const next = [...segments];
  // From behind, so that places before stay where they are.
  for (const [i, at, length] of places.toReversed()) {
    const text = textOf(next[i]);
    next[i] = reworded(next[i], text.slice(0, at) + instead + text.slice(at + length));
  }
  return next.filter((segment) => textOf(segment).trim() !== '');
}
