import { byId, element } from './dom.js';
import { playFrom, toggle } from './player.js';
import { joined, placesOf, replaced, reworded, split, textOf } from './segments.js';
import { text } from './texts.js';
import { focusRow, lastMarked, markFound, rowAround, rowBeside, rowOfSegment, show } from './transcript.js';

const list = byId('segments');
let segments = [];
let past = [];
let changed = () => {};
let places = [];
let chosen = -1;

/** Opens a transcript for people to change. @param onChange told of its segments when somebody has changed them */
export function open(given, onChange) {
  [segments, past, changed] = [given, [], onChange];
  byId('undo').disabled = true;
  show([]);
  show(segments);
  find();
}

/** Shows what has come behind the others. */
export function add(more) {
  segments = [...segments, ...more];
  show(segments);
}

function change(next) {
  let [before, behind] = [0, 0];
  const shorter = Math.min(segments.length, next.length);
  while (before < shorter && segments[before] === next[before]) before++;
  while (behind < shorter - before && segments.at(-1 - behind) === next.at(-1 - behind)) behind++;
  if (before === segments.length && before === next.length) return;
  // Only what was changed is kept, so that undoing it leaves alone what comes in the meantime.
  past = [
    ...past.slice(-99),
    [before, next.length - before - behind, segments.slice(before, segments.length - behind)],
  ];
  become(next);
}

function undo() {
  const last = past.pop();
  if (last === undefined) return;
  const [at, count, instead] = last;
  become(segments.toSpliced(at, count, ...instead));
  focusRow(rowOfSegment(segments[Math.min(at, segments.length - 1)]));
}

function become(next) {
  segments = next;
  byId('undo').disabled = past.length === 0;
  show(segments);
  find();
  changed(segments);
}

/** Puts segments in the place of a row's, and the keyboard on the last of them. */
function replaceRow(row, ...next) {
  change(segments.flatMap((segment) => (segment === row.segment ? next : [segment])));
  return rowOfSegment(next.at(-1));
}

function join(row) {
  const next = rowBeside(row, 1)?.segment;
  if (next === undefined) return;
  const both = joined(row.segment, next);
  change(segments.flatMap((segment) => (segment === row.segment ? [both] : segment === next ? [] : [segment])));
  focusRow(rowOfSegment(both));
}

function edit(row) {
  if (row === undefined || row.item.querySelector('textarea') !== null) return;
  focusRow(row);
  const before = textOf(row.segment);
  const area = element('textarea', { value: before.trim(), aria: text('edit'), rows: 1 });
  const button = (name, act) => element('button', { type: 'button', className: 'small', onclick: act }, text(name));
  let isOpen = true;
  const close = () => {
    isOpen = false; // before the form goes, which takes the keyboard from it
    form.remove();
    row.words.hidden = false;
  };
  const said = () => (area.value.trim() === '' ? [] : [reworded(row.segment, area.value.trim())]);
  const done = () => {
    close();
    return replaceRow(row, ...said());
  };
  const splitHere = () => {
    const [segment] = said();
    close();
    if (segment === undefined) return;
    const blanks = textOf(segment).search(/\S/) - area.value.search(/\S/);
    focusRow(replaceRow(row, ...split(segment, blanks + area.selectionStart)));
  };
  const cancel = () => {
    close();
    focusRow(row);
  };
  const form = element(
    'div',
    { className: 'editing' },
    area,
    button('done', () => focusRow(done())),
    button('split', splitHere),
    button('cancel', cancel),
  );
  form.addEventListener('focusout', ({ relatedTarget }) => {
    if (isOpen && document.activeElement !== area && !form.contains(relatedTarget)) done();
  });
  area.addEventListener('keydown', (event) => {
    if (event.isComposing || !['Enter', 'Escape'].includes(event.key)) return;
    event.preventDefault();
    if (event.key === 'Escape') cancel();
    else if (event.ctrlKey || event.metaKey) splitHere();
    else focusRow(done());
  });
  row.words.hidden = true;
  row.words.after(form);
  area.focus();
}

/** Listens from a word that is so many further on than the one that was said last. */
function step(row, words) {
  const { row: last, word = 0 } = lastMarked();
  const index = row === last ? word + words : 0;
  const at = row.segment.words[index];
  if (at !== undefined) return playFrom(at.start, true);
  const beside = rowBeside(row, words);
  if (beside === undefined) return;
  focusRow(beside);
  playFrom(beside.segment.words.at(words > 0 ? 0 : -1).start, true);
}

const keys = {
  ArrowDown: (row) => focusRow(rowBeside(row, 1)),
  ArrowUp: (row) => focusRow(rowBeside(row, -1)),
  ArrowRight: (row) => step(row, 1),
  ArrowLeft: (row) => step(row, -1),
  Home: () => focusRow(rowOfSegment(segments[0])),
  End: () => focusRow(rowOfSegment(segments.at(-1))),
  Enter: (row) => playFrom(row.segment.start),
  ' ': toggle,
  e: edit,
  F2: edit,
  j: join,
};

list.addEventListener('keydown', (event) => {
  const isUndo = event.key === 'z' && (event.ctrlKey || event.metaKey);
  const act = isUndo ? undo : event.ctrlKey || event.metaKey || event.altKey ? undefined : keys[event.key];
  if (event.target.tagName !== 'LI' || act === undefined) return;
  event.preventDefault();
  act(rowAround(event.target));
});

list.addEventListener('click', ({ target }) => {
  const row = rowAround(target);
  const act = target.closest('[data-act]')?.dataset.act;
  if (row === undefined) return;
  if (act === 'edit') edit(row);
  else if (act === 'join') join(row);
  else if (act === 'listen') playFrom(row.segment.start);
  else if (target.tagName === 'SPAN' && getSelection().isCollapsed)
    playFrom(row.segment.words[[...row.words.children].indexOf(target)].start);
});
list.addEventListener('dblclick', ({ target }) => {
  if (target.tagName === 'SPAN') edit(rowAround(target));
});

function find() {
  places = byId('finding').hidden ? [] : placesOf(segments, byId('find').value);
  chosen = Math.min(Math.max(chosen, 0), places.length - 1);
  showFound();
}

function showFound() {
  markFound(places, chosen);
  byId('found').textContent = byId('find').value === '' ? '' : text('found', chosen + 1, places.length);
  for (const id of ['next', 'replace', 'replace-all']) byId(id).disabled = places.length === 0;
}

function next() {
  chosen = (chosen + 1) % Math.max(1, places.length);
  showFound();
}

byId('find').addEventListener('input', () => {
  chosen = 0;
  find();
});
byId('find').addEventListener('keydown', ({ key }) => key === 'Enter' && next());
byId('next').addEventListener('click', next);
byId('replace').addEventListener('click', () =>
  change(replaced(segments, [places[chosen]], byId('replacement').value)),
);
byId('replace-all').addEventListener('click', () => change(replaced(segments, places, byId('replacement').value)));
byId('undo').addEventListener('click', undo);
byId('show-find').addEventListener('click', () => {
  byId('finding').hidden = !byId('finding').hidden;
  byId('show-find').setAttribute('aria-expanded', String(!byId('finding').hidden));
  find();
  if (!byId('finding').hidden) byId('find').focus();
});
