/** Transcripts of this browser, the newest first. What does not fit pushes the oldest out. */
const listName = 'whisper-npu:history';
const entryName = (id) => `whisper-npu:entry:${id}`;
const most = 50;
const mostCharacters = 4_000_000;

/** @returns what is known of each transcript: id, name, date, duration, language, model, size, and whether it is a part only */
export function kept() {
  try {
    return JSON.parse(localStorage.getItem(listName) ?? '[]');
  } catch {
    return [];
  }
}

/** Times with three digits and words as lists: an hour takes 400 kB instead of 1.2 MB. */
function packed(segments) {
  const short = (value) => (value === undefined ? undefined : Math.round(value * 1000) / 1000);
  return segments.map(({ start, end, words }) => [
    short(start),
    short(end),
    ...words.map((word) => [word.text, short(word.start), short(word.end), short(word.probability)]),
  ]);
}

/** @returns the segments of a transcript, undefined where it is not kept */
export function load(id) {
  const entry = localStorage.getItem(entryName(id));
  if (entry === null) return undefined;
  return JSON.parse(entry).map(([start, end, ...words]) => ({
    start,
    end,
    words: words.map(([text, start, end, probability]) => ({
      text,
      start,
      end,
      probability: probability ?? undefined,
    })),
  }));
}

/** @returns ids of those that had to make room; undefined where this browser keeps nothing */
export function keep({ id, name, date, duration, language, model, isPart, segments }) {
  const entry = JSON.stringify(packed(segments));
  const list = [
    { id, name, date, duration, language, model, isPart, size: entry.length },
    ...kept().filter((other) => other.id !== id),
  ];
  list.sort((a, b) => b.date - a.date);
  const gone = [];
  const total = () => list.reduce((sum, { size }) => sum + size, 0);
  for (;;) {
    const isAlone = list.length === 1;
    if (isAlone || (list.length <= most && total() <= mostCharacters)) {
      try {
        localStorage.setItem(entryName(id), entry);
        localStorage.setItem(listName, JSON.stringify(list));
        return gone;
      } catch {
        // There is less room than a browser usually gives.
        if (isAlone) return undefined;
      }
    }
    const last = list.findLast((other) => other.id !== id);
    list.splice(list.indexOf(last), 1);
    localStorage.removeItem(entryName(last.id));
    gone.push(last.id);
  }
}

export function forget(id) {
  const list = kept();
  if (!list.some((entry) => entry.id === id)) return;
  localStorage.removeItem(entryName(id));
  localStorage.setItem(listName, JSON.stringify(list.filter((entry) => entry.id !== id)));
}
