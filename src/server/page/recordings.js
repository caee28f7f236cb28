import { ConnectionError, transcribe } from './api.js';
import { byId, say } from './dom.js';
import { add, open as edit } from './editor.js';
import * as history from './history.js';
import { load } from './player.js';
import { isActive, paintItem, paintOpened, stateOf } from './record-view.js';
import { segmentOf } from './segments.js';
import { askKey, chosenModel, formOf, watchServer } from './server.js';
import { languageCode, text } from './texts.js';

/** The recordings of this tab, and before them those whose transcripts this browser has kept; one of them is open. */
const records = history.kept().map((entry) => ({ ...entry, state: 'kept' }));
let opened;
let isBusy = false;
/** Ends when a server that was lost is there again. */
let found;

/** The record that is open, if any. */
export const current = () => opened;
export const finished = () => records.filter(({ state, segments }) => state === 'done' && segments.length > 0);
export const isAtWork = () => records.some(isActive);

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

function remove(record) {
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

/** What the buttons of a record in the list do. */
const acts = {
  open(record) {
    open(record);
    // On a phone the transcript lies below the list.
    byId('transcript').scrollIntoView({ block: 'nearest' });
  },
  again(record) {
    become(record, 'waiting');
    void work();
  },
  remove(record) {
    if (['sending', 'working'].includes(record.state)) record.stop();
    else remove(record);
  },
};

/** Shows all records anew. */
export function paintAll() {
  byId('recordings').hidden = records.length === 0;
  byId('list').replaceChildren(...records.map((record) => paint(record)));
}

function paint(record) {
  byId('download-all').hidden = finished().length < 2;
  if (record === opened) paintOpened(record);
  return paintItem(record, record === opened, acts);
}
