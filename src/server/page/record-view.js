import { byId, clock, element, iconButton } from './dom.js';
import { languageName, text } from './texts.js';

/** Whether somebody waits for a recording. */
export const isActive = ({ state }) => ['waiting', 'sending', 'working'].includes(state);

/**
 * Shows what a recording in the list is at.
 *
 * @param acts what its buttons do: open, again, remove
 * @returns its element, which stays the one that it is
 */
export function paintItem(record, isOpen, acts) {
  record.item ??= element('li');
  const { item, state } = record;
  // An element that somebody is about to press stays the one that it is.
  record.parts ??= newItem(record, acts);
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
  parts.open.setAttribute('aria-current', String(isOpen));
  return item;
}

function label(button, name) {
  button.setAttribute('aria-label', name);
  button.title = name;
}

function newItem(record, acts) {
  const [name, state] = [element('b'), element('span')];
  const opening = element(
    'button',
    { type: 'button', className: 'open', onclick: () => acts.open(record) },
    name,
    state,
  );
  const bar = element('progress', { max: 1 });
  const again = iconButton('again', '');
  const removing = iconButton('cross', '');
  again.onclick = () => acts.again(record);
  removing.onclick = () => acts.remove(record);
  record.item.append(opening, again, removing, bar);
  return { name, state, open: opening, bar, again, remove: removing };
}

function partDone({ state, sent, duration, segments = [] }) {
  if (state === 'sending') return sent > 0 ? sent : undefined;
  return segments.length > 0 && duration > 0 ? Math.min(1, segments.at(-1).end / duration) : undefined;
}

/** What is said of a recording in a few words. */
export function stateOf({ state, sent, duration, segments = [], language, problem, note, took, isPart }) {
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

/** What the page says of the recording that is open, beside its text. */
export function paintOpened(record) {
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
  const part = partDone(record);
  document.title =
    part === undefined || record.state === 'done' ? 'whisper-npu' : `${Math.floor(100 * part)} % · ${record.name}`;
}
