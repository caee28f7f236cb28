import { byId, clock, element, iconButton } from './dom.js';
import { textOf } from './segments.js';
import { text } from './texts.js';

/**
 * The segments on the page, a row each. Only rows near the window have elements for their words: the text of the others is there for
 * those who search or listen to it, and costs little.
 */
const list = byId('segments');
const mostNewRows = 150;
const tools = element(
  'div',
  { className: 'tools' },
  iconButton('edit', '', { act: 'edit' }),
  iconButton('join', '', { act: 'join' }),
);
let rows = [];
let later;
let found = { places: [], chosen: -1 };
/** The word that is said: its row, element and index, and when. */
let marked = {};
const rowOf = new WeakMap();
const watcher = new IntersectionObserver(
  (entries) => {
    for (const { target, isIntersecting } of entries) {
      const row = rowOf.get(target);
      if (isIntersecting) fill(row);
      else if (row.isFilled) empty(row);
    }
    if (found.places.length > 0) paintFound();
    mark(marked.seconds ?? -1);
  },
  { rootMargin: '600px 0px' },
);

/**
 * Shows these segments. Rows of those that were shown before stay, rows of others become those of new ones; many that are new at
 * the end come in several steps.
 */
export function show(segments) {
  clearTimeout(later);
  const known = new Map(rows.map((row) => [row.segment, row]));
  const wanted = new Set(segments);
  const left = rows.filter(({ segment }) => !wanted.has(segment));
  let [used, fresh] = [0, 0];
  rows = [];
  for (const segment of segments) {
    const row = known.get(segment) ?? (left.length > 0 ? put(left.shift(), segment) : undefined);
    if (row !== undefined) used++;
    else if (used === known.size && ++fresh > mostNewRows) break;
    rows.push(row ?? newRow(segment));
  }
  for (const { item } of left) {
    watcher.unobserve(item);
    item.remove();
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
  const time = element('button', { type: 'button', className: 'time', tabIndex: -1, data: { act: 'listen' } });
  const words = element('p');
  const item = element('li', { tabIndex: -1 }, time, words);
  const row = { item, time, words };
  rowOf.set(item, row);
  watcher.observe(item);
  return put(row, segment);
}

function put(row, segment) {
  const start = clock(segment.start);
  row.segment = segment;
  row.time.textContent = start;
  row.time.setAttribute('aria-label', text('listenFrom', start));
  row.words.textContent = textOf(segment);
  if (row.isFilled) fill(row);
  return row;
}

function fill(row) {
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
  row.isFilled = true;
}

function empty(row) {
  row.words.textContent = textOf(row.segment);
  row.isFilled = false;
}

/** Brings the buttons to the row that somebody points at or has the keyboard in. */
function showTools({ target, type }) {
  const row = rowAround(target);
  const isInUse = type === 'pointerover' && tools.contains(document.activeElement);
  if (row === undefined || isInUse || tools.parentNode === row.item) return;
  for (const button of tools.children) {
    button.title = text(button.dataset.act);
    button.setAttribute('aria-label', button.title);
  }
  row.item.append(tools);
}
list.addEventListener('pointerover', showTools);
list.addEventListener('focusin', showTools);

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

/** Gives a row the keyboard; it is the only one of the list that the Tab key comes to. */
export function focusRow(row) {
  if (row === undefined) return;
  const before = rowAround(list.querySelector('li[tabindex="0"]') ?? list);
  if (before !== undefined) before.item.tabIndex = before.time.tabIndex = -1;
  row.item.tabIndex = row.time.tabIndex = 0;
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
    if (rows[i]?.isFilled) ranges[n === found.chosen ? 'chosen' : 'found'].push(rangeIn(rows[i].words, at, length));
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
