import { byId, clock } from './dom.js';
import { text } from './texts.js';
import { mark } from './transcript.js';

const audio = byId('audio');
const slider = byId('position');
/** Somebody who scrolls wants to read elsewhere for a while. */
const leaveAloneMs = 4000;
let scrolledAt = -leaveAloneMs;

/** Plays this recording from now on; none where there is no address. */
export function load(url) {
  audio.pause();
  if (url === undefined) audio.removeAttribute('src');
  else audio.src = url;
  audio.load();
  byId('player').hidden = url === undefined;
  follow();
}

/** Listens from a time. @param isStep whether it stays silent where it is silent now */
export function playFrom(seconds, isStep = false) {
  if (!audio.hasAttribute('src')) return;
  audio.currentTime = seconds;
  scrolledAt = -leaveAloneMs;
  if (!isStep) audio.play().catch(() => undefined); // of a recording that is taken away meanwhile
  follow();
}

export function toggle() {
  if (!audio.hasAttribute('src')) return;
  if (audio.paused) audio.play().catch(() => undefined);
  else audio.pause();
}

function follow() {
  const { currentTime, duration } = audio;
  const row = mark(audio.hasAttribute('src') && (currentTime > 0 || !audio.paused) ? currentTime : -1);
  if (row !== undefined && performance.now() - scrolledAt > leaveAloneMs) row.item.scrollIntoView({ block: 'nearest' });
  if (!Number.isFinite(duration)) return;
  slider.max = duration;
  slider.value = currentTime;
  slider.setAttribute('aria-valuetext', clock(currentTime));
  byId('elapsed').textContent = `${clock(currentTime)} / ${clock(duration)}`;
}

function everyFrame() {
  if (audio.paused) return;
  follow();
  requestAnimationFrame(everyFrame);
}

function showState() {
  const name = audio.paused ? 'play' : 'pause';
  byId('toggle').querySelector('use').setAttribute('href', `#${name}`);
  byId('toggle').dataset.label = name;
  byId('toggle').setAttribute('aria-label', text(name));
}

audio.addEventListener('play', () => {
  showState();
  everyFrame();
});
audio.addEventListener('pause', showState);
for (const event of ['seeked', 'loadedmetadata', 'durationchange']) audio.addEventListener(event, follow);
for (const event of ['wheel', 'touchmove']) {
  addEventListener(
    event,
    () => {
      scrolledAt = performance.now();
    },
    { passive: true },
  );
}
byId('toggle').addEventListener('click', toggle);
slider.addEventListener('input', () => playFrom(Number(slider.value), true));
byId('speed').addEventListener('change', ({ target }) => {
  audio.playbackRate = Number(target.value);
  audio.defaultPlaybackRate = audio.playbackRate;
});
