import { ConnectionError, transcribe } from './api.js';
import { byId, clock, element, iconButton } from './dom.js';
import { add, open as edit } from './editor.js';
import * as history from './history.js';
import { load } from './player.js';
import { segmentOf } from './segments.js';
import { askKey, chosenModel, formOf, watchServer } from './server.js';
import { languageCode, languageName, text } from './texts.js';

/** The recordings of this tab, and before them those whose transcripts this browser has kept; one of them is open. */
const records = history.kept().map((entry) => ({ ...entry, state: 'kept' }));
let opened;
let isBusy = false;
/** Ends when a server that was lost is there again. */
let found;
let saying;

/** The record that is open, if any. */
export const current = () => opened;
export const finished = () => records.filter(({ state, segments }) => state === 'done' && segments.length > 0);
const isActive = ({ state }) => ['waiting', 'sending', 'working'].includes(state);
export const isAtWork = () => records.some(isActive);

/** Says something to those who do not see it. */
export function say(message) {
  byId('said').textContent = message;
  clearTimeout(saying);
  saying = setTimeout(() => byId('said').replaceChildren(), 5000);
}

/** Takes files; they are transcribed one after the other. */
export function addFiles(files) {
  const added = [...files].map((file) => {
    const record = {
      id: crypto.randomUUID?.() ?? `${Date.now()}-${Math.random()}`,
      name: file.name,
      date: Date.now(),
      segments: [],
      state: 'waiting',
    };
    attach(record, file);
    return record;
  });
  records.unshift(...added);
  paintAll();
  if (added.length > 0 && !isBusy) open(added[0]);
  void work();
}

/** Gives a record its recording, to listen to. */
export function attach(record, file) {
  if (record.url !== undefined) URL.revokeObjectURL(record.url);
  record.file = file;
  record.url = URL.createObjectURL(file);
  const probe = new Audio(record.url);
  probe.preload = 'metadata';
  probe.onloadedmetadata = () => {
    if (Number.isFinite(probe.duration)) record.duration ??= probe.duration;
    paint(record);
  };
  if (record === opened) open(record);
}

async function work() {
  if (isBusy) return;
  isBusy = true;
  for (;;) {
    await found;
    const next = oldestWaiting();
    if (next === undefined) break;
    await run(next);
    paint(next);
    // What a server that breaks off, or somebody who stops it, leaves is kept too; but not what was removed meanwhile.
    next.isPart = next.state !== 'done';
    if (records.includes(next) && (next.state === 'done' || next.segments.length > 0)) keep(next);
    say(`${next.name}: ${next.state === 'done' ? text('done') : stateOf(next)}`);
  }
  isBusy = false;
  document.title = 'whisper-npu';
}

/** Files that came together are taken in their order. */
function oldestWaiting() {
  return records.filter(({ state }) => state === 'waiting').sort((a, b) => a.date - b.date)[0];
}

async function run(record) {
  const stopping = new AbortController();
  record.stop = () => stopping.abort();
  record.started = performance.now();
  for (let tries = 0; ; tries++) {
    try {
      become(record, 'sending', { sent: 0, problem: undefined, note: undefined, model: chosenModel(), isAnew: true });
      const form = formOf(record.file);
      const listening = {
        signal: stopping.signal,
        onSent: (sent) => become(record, sent < 1 ? 'sending' : 'working', { sent }),
        onEvents: (events) => take(record, events),
      };
      const note = await transcribe(form, listening);
      return become(record, 'done', { note, took: (performance.now() - record.started) / 1000 });
    } catch (error) {
      if (stopping.signal.aborted) return become(record, 'stopped');
      if (error.status === 401 && (await askKey())) continue;
      if (error instanceof ConnectionError) found = watchServer();
      const problem = error instanceof ConnectionError ? text(error.what) : error.message;
      if (!isPassing(error, tries)) return become(record, 'failed', { problem });
      await pause(record, error.retryAfterSeconds, stopping.signal);
      if (stopping.signal.aborted) return become(record, 'stopped');
    }
  }
}

/** A server that is busy is asked as long as somebody waits; one that lacks something, a few times. */
function isPassing({ status }, tries) {
  return status === 429 || (status === 503 && tries < 5);
}

async function pause(record, seconds, signal) {
  for (let left = seconds; left > 0 && !signal.aborted; left--) {
    become(record, 'sending', { sent: 0, note: text('busy', left) });
    await new Promise((resolve) => setTimeout(resolve, 1000));
  }
}

function take(record, events) {
  const come = events.filter(({ type }) => type === 'transcript.text.segment').map(segmentOf);
  const end = events.find(({ type }) => type === 'transcript.text.done');
  // What an earlier try left stays until there is something new.
  if (record.isAnew && (come.length > 0 || end !== undefined)) {
    Object.assign(record, { segments: [], isAnew: false });
    if (record === opened) open(record);
  }
  if (come.length > 0) {
    record.segments = [...record.segments, ...come];
    if (record === opened) add(come);
    become(record, 'working');
  }
  if (end === undefined) return;
  Object.assign(record, { duration: end.duration, language: languageCode(end.language) });
  if (record === opened) byId('segments').lang = record.language;
}

function become(record, state, more = {}) {
  Object.assign(record, more, { state });
  paint(record);
}

function keep(record) {
  const gone = history.keep(record);
  if (gone === undefined) say(text('historyOff'));
  for (const id of gone ?? []) {
    const index = records.findIndex((other) => other.id === id && other.state === 'kept');
    if (index >= 0) records.splice(index, 1)[0].item?.remove();
  }
  if (gone?.length > 0) say(text('historyFull'));
}

function keepSoon(record) {
  clearTimeout(record.keeping);
  record.keeping = setTimeout(() => keepNow(record), 500);
}

function keepNow(record) {
  clearTimeout(record.keeping);
  record.keeping = undefined;
  keep(record);
}

/** Keeps what was edited a moment ago, before the page goes. */
export function keepEdits() {
  for (const record of records) if (record.keeping !== undefined) keepNow(record);
}

/** Opens a record on the right. */
export function open(record) {
  opened = record;
  record.segments ??= history.load(record.id) ?? [];
  byId('empty').hidden = true;
  byId('transcript').hidden = false;
  byId('name').textContent = record.name;
  byId('segments').lang = record.language ?? '';
  byId('attach').hidden = record.url !== undefined;
  edit(record.segments, (segments) => {
    record.segments = segments;
    if (!isActive(record)) keepSoon(record);
  });
  load(record.url);
  for (const other of records) paint(other);
}

function openByHand(record) {
  open(record);
  // On a phone the transcript lies below the list.
  byId('transcript').scrollIntoView({ block: 'nearest' });
}

export function remove(record) {
  record.stop?.();
  clearTimeout(record.keeping);
  record.keeping = undefined;
  history.forget(record.id);
  if (record.url !== undefined) URL.revokeObjectURL(record.url);
  records.splice(records.indexOf(record), 1);
  if (record === opened) {
    opened = undefined;
    edit([], () => {});
    load(undefined);
    byId('empty').hidden = false;
    byId('transcript').hidden = true;
  }
  paintAll();
}

export function clear() {
  for (const record of [...records]) remove(record);
}

/** Shows all records anew. */
export function paintAll() {
  byId('recordings').hidden = records.length === 0;
  byId('list').replaceChildren(...records.map((record) => paint(record)));
}

function paint(record) {
  record.item ??= element('li');
  const { item, state } = record;
  // An element that somebody is about to press stays the one that it is.
  record.parts ??= newItem(record);
  const { parts } = record;
  parts.name.textContent = record.name;
  parts.state.textContent = stateOf(record);
  parts.state.className = state;
  parts.bar.hidden = !isActive(record) || state === 'waiting';
  const part = partDone(record);
  if (part === undefined) parts.bar.removeAttribute('value');
  else parts.bar.value = part;
  parts.bar.setAttribute('aria-label', record.name);
  parts.again.hidden = !(record.file !== undefined && (state === 'failed' || state === 'stopped'));
  label(parts.again, text('again'));
  label(parts.remove, isActive(record) ? text('cancel') : text('remove', record.name));
  parts.open.setAttribute('aria-current', String(record === opened));
  byId('download-all').hidden = finished().length < 2;
  if (record === opened) paintOpened(record, part);
  return item;
}

function label(button, name) {
  button.setAttribute('aria-label', name);
  button.title = name;
}

function newItem(record) {
  const [name, state] = [element('b'), element('span')];
  const opening = element(
    'button',
    { type: 'button', className: 'open', onclick: () => openByHand(record) },
    name,
    state,
  );
  const bar = element('progress', { max: 1 });
  const again = iconButton('again', '');
  const removing = iconButton('cross', '');
  again.onclick = () => {
    become(record, 'waiting');
    void work();
  };
  removing.onclick = () => (['sending', 'working'].includes(record.state) ? record.stop() : remove(record));
  record.item.append(opening, again, removing, bar);
  return { name, state, open: opening, bar, again, remove: removing };
}

function partDone({ state, sent, duration, segments = [] }) {
  if (state === 'sending') return sent > 0 ? sent : undefined;
  return segments.length > 0 && duration > 0 ? Math.min(1, segments.at(-1).end / duration) : undefined;
}

function stateOf({ state, sent, duration, segments = [], language, problem, note, took, isPart }) {
  if (state === 'failed') return text('failed', problem);
  if (state === 'sending') return note ?? text('sending', Math.floor(100 * sent));
  if (state === 'working' && segments.length > 0 && duration > 0)
    return text('listening', clock(segments.at(-1).end), clock(duration));
  if (['waiting', 'working', 'stopped'].includes(state)) return text(state);
  const speed = took > 0 && duration > 0 ? `${(duration / took).toFixed(duration > 10 * took ? 0 : 1)}×` : undefined;
  return [isPart && text('part'), clock(duration ?? 0), language && languageName(language), speed]
    .filter((part) => part)
    .join(' · ');
}

function paintOpened(record, part) {
  byId('about').textContent = [
    stateOf(record),
    record.model,
    new Date(record.date).toLocaleString(undefined, { dateStyle: 'medium', timeStyle: 'short' }),
  ]
    .filter((part) => part)
    .join(' · ');
  const problem =
    record.state === 'failed'
      ? record.problem
      : record.state === 'done' && record.segments.length === 0
        ? text('nobody')
        : record.state === 'done'
          ? record.note
          : undefined;
  byId('problem').textContent = problem ?? '';
  byId('problem').hidden = !problem;
  document.title =
    part === undefined || record.state === 'done' ? 'whisper-npu' : `${Math.floor(100 * part)} % · ${record.name}`;
}
