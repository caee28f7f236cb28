import { byId, clock, element, iconButton } from './dom.js';
import { textOf } from './segments.js';
import { text } from './texts.js';

/**
 * The segments on the page, a row each. Only rows near the window have elements for their words and buttons: the text of the
 * others is there for those who search or listen to it, and costs little.
 */
const list = byId('segments');
const mostNewRows = 150;
let rows = [];
let later;
let found = { places: [], chosen: -1 };
/** The word that is said: its row, element and index, and when. */
let marked = {};
const rowOf = new WeakMap();
const watcher = new IntersectionObserver(
  (entries) => {
    for (const { target, isIntersecting } of entries)
      isIntersecting ? fill(rowOf.get(target)) : empty(rowOf.get(target));
    if (found.places.length > 0) paintFound();
    mark(marked.seconds ?? -1);
  },
  { rootMargin: '600px 0px' },
);

/** Shows these segments; rows of those that were shown before stay. Many new ones at the end come in several steps. */
export function show(segments) {
  clearTimeout(later);
  const known = new Map(rows.map((row) => [row.segment, row]));
  const wanted = new Set();
  let fresh = 0;
  rows = [];
  for (const segment of segments) {
    const row = known.get(segment);
    if (row === undefined && ++fresh > mostNewRows && wanted.size === known.size) break;
    if (row !== undefined) wanted.add(row);
    rows.push(row ?? newRow(segment));
  }
  for (const row of known.values()) {
    if (wanted.has(row)) continue;
    watcher.unobserve(row.item);
    row.item.remove();
  }
  let next = list.firstElementChild;
  for (const { item } of rows) {
    if (item === next) next = next.nextElementSibling;
    else list.insertBefore(item, next);
  }
  if (list.querySelector('li[tabindex="0"]') === null && rows.length > 0) rows[0].item.tabIndex = 0;
  if (rows.length < segments.length) later = setTimeout(show, 0, segments);
}

function newRow(segment) {
  const time = element(
    'button',
    { type: 'button', className: 'time', tabIndex: -1, data: { act: 'listen' } },
    clock(segment.start),
  );
  time.setAttribute('aria-label', text('listenFrom', clock(segment.start)));
  const words = element('p', {}, textOf(segment));
  const item = element('li', { tabIndex: -1 }, time, words);
  const row = { segment, item, words, tools: undefined };
  rowOf.set(item, row);
  watcher.observe(item);
  return row;
}

function fill(row) {
  if (row === undefined || row.tools !== undefined) return;
  const spans = row.segment.words.flatMap(({ text, probability }) => {
    const blank = /^\s*/.exec(text)[0];
    const span = element('span', {}, text.slice(blank.length));
    if (probability < 0.8) {
      span.className = probability < 0.5 ? 'low' : 'middle';
      span.title = `${Math.round(100 * probability)} %`;
    }
    return [blank, span];
  });
  row.words.replaceChildren(...spans);
  row.tools = element(
    'div',
    { className: 'tools' },
    iconButton('edit', text('edit'), { act: 'edit' }),
    iconButton('join', text('join'), { act: 'join' }),
  );
  for (const button of row.tools.children) button.tabIndex = row.item.tabIndex;
  row.item.append(row.tools);
}

function empty(row) {
  if (row?.tools === undefined || row.item.contains(document.activeElement)) return;
  row.words.textContent = textOf(row.segment);
  row.tools.remove();
  row.tools = undefined;
}

/** The row of an element within it. */
export function rowAround(node) {
  return rowOf.get(node.closest?.('#segments > li') ?? list);
}

/** @param step how many rows further on */
export function rowBeside(row, step) {
  return rows[rows.indexOf(row) + step];
}

export function rowOfSegment(segment) {
  return rows.find((row) => row.segment === segment);
}

/** Gives a row the keyboard; its buttons are the only ones of the list that the Tab key comes to. */
export function focusRow(row) {
  if (row === undefined) return;
  const before = rowAround(list.querySelector('li[tabindex="0"]') ?? list);
  for (const [of, index] of [
    [before, -1],
    [row, 0],
  ]) {
    if (of === undefined) continue;
    of.item.tabIndex = index;
    for (const button of of.item.querySelectorAll('button')) button.tabIndex = index;
  }
  row.item.focus({ preventScroll: true });
  row.item.scrollIntoView({ block: 'nearest' });
}

/** Marks the word that is said at a time. @returns its row where that is another one than before */
export function mark(seconds) {
  const row = rows.findLast(({ segment }) => segment.start <= seconds + 0.01);
  const word = row?.segment.words.findLastIndex(({ start }) => start <= seconds + 0.01);
  const span = row?.words.children[word];
  const isOther = row !== marked.row;
  if (!isOther && span === marked.span) return undefined;
  marked.span?.classList.remove('said');
  if (isOther) {
    marked.row?.item.classList.remove('said');
    row?.item.classList.add('said');
  }
  span?.classList.add('said');
  marked = { row, span, word, seconds };
  return isOther ? row : undefined;
}

/** The row and the index of the word that were marked last. */
export const lastMarked = () => marked;

/** Marks places in the text: [index of the row, place, length], one of them as the chosen one. */
export function markFound(places, chosen) {
  found = { places, chosen };
  paintFound();
  const row = rows[places[chosen]?.[0]];
  row?.item.scrollIntoView({ block: 'center' });
}

function paintFound() {
  if (CSS.highlights === undefined) return;
  const ranges = { found: [], chosen: [] };
  for (const [n, [i, at, length]] of found.places.entries()) {
    // Those of rows far from the window are not seen.
    if (rows[i]?.tools !== undefined)
      ranges[n === found.chosen ? 'chosen' : 'found'].push(rangeIn(rows[i].words, at, length));
  }
  for (const [name, some] of Object.entries(ranges)) CSS.highlights.set(name, new Highlight(...some));
}

function rangeIn(paragraph, at, length) {
  const range = new Range();
  const texts = document.createTreeWalker(paragraph, NodeFilter.SHOW_TEXT);
  for (let start = 0, node = texts.nextNode(); node !== null; node = texts.nextNode()) {
    const end = start + node.length;
    if (start <= at && at < end) range.setStart(node, at - start);
    if (start < at + length && at + length <= end) range.setEnd(node, at + length - start);
    start = end;
  }
  return range;
}
