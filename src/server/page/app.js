import { byId, element, save, say } from './dom.js';
import { formats } from './formats.js';
import { record } from './recorder.js';
import { addFiles, attach, clear, current, finished, isAtWork, keepEdits, paintAll } from './recordings.js';
import { paintServer, watchServer } from './server.js';
import { settings, store } from './settings.js';
import { languageName, languages, speak, text } from './texts.js';

const options = byId('options');
const format = byId('format');

function showLanguage() {
  speak(settings.language);
  const { language } = options.elements;
  const chosen = language.value || settings.fields?.language || '';
  const names = languages.map((code) => [languageName(code), code]);
  names.sort(([a], [b]) => a.localeCompare(b, document.documentElement.lang));
  language.replaceChildren(language.options[0], ...names.map(([name, code]) => new Option(name, code)));
  language.value = chosen;
  paintAll();
  paintServer();
  showFormat();
}

function showFormat() {
  byId('download').lastElementChild.textContent = text('download', format.value.toUpperCase());
  for (const button of byId('downloads').children) button.hidden = button.textContent === format.value;
}

function showTheme() {
  document.documentElement.dataset.theme = settings.theme ?? '';
}

function download(transcript, name) {
  const dot = transcript.name.lastIndexOf('.');
  save(`${dot > 0 ? transcript.name.slice(0, dot) : transcript.name}.${name}`, formats[name](transcript));
}

function restoreOptions() {
  for (const control of options.elements) {
    const { name, type } = control;
    if (name === '' || settings.fields === undefined) continue;
    if (type === 'checkbox') control.checked = name in settings.fields;
    else control.value = settings.fields[name] ?? '';
  }
  format.value = settings.format ?? 'srt';
}

options.addEventListener('submit', (event) => event.preventDefault());
options.addEventListener('change', () => {
  const { model, ...fields } = Object.fromEntries(new FormData(options));
  store({ fields, format: format.value });
  showFormat();
});
for (const name of Object.keys(formats)) {
  format.append(new Option(name.toUpperCase(), name));
  const button = element('button', { type: 'button', className: 'small' }, name);
  button.addEventListener('click', () => download(current(), name));
  byId('downloads').append(button);
}
byId('download').addEventListener('click', () => download(current(), format.value));
byId('download-all').addEventListener('click', () => {
  for (const transcript of finished()) download(transcript, format.value);
});
byId('copy').addEventListener('click', async () => {
  await navigator.clipboard.writeText(formats.txt(current()));
  say(text('copied'));
});
byId('clear').addEventListener('click', () => confirm(text('clearSure')) && clear());
byId('colours').addEventListener('change', ({ target }) =>
  byId('segments').classList.toggle('coloured', target.checked),
);
byId('other-language').addEventListener('click', () => {
  store({ language: settings.language === 'zh' ? 'en' : 'zh' });
  showLanguage();
});
byId('theme').addEventListener('click', () => {
  const isDark = getComputedStyle(document.documentElement).getPropertyValue('--is-dark').trim() === '1';
  store({ theme: isDark ? 'light' : 'dark' });
  showTheme();
});
byId('no-key').addEventListener('click', () => byId('ask').close());

// Files that are chosen or dropped: recordings to transcribe, or the one that belongs to a transcript.
let takeFiles = addFiles;
for (const id of ['choose', 'empty']) {
  byId(id).addEventListener('click', () => {
    takeFiles = addFiles;
    byId('files').click();
  });
}
byId('attach').addEventListener('click', () => {
  const record = current();
  takeFiles = ([file]) => attach(record, file);
  byId('files').click();
});
byId('files').addEventListener('change', ({ target }) => {
  if (target.files.length > 0) takeFiles(target.files);
  target.value = '';
});
addEventListener('dragover', (event) => {
  event.preventDefault();
  document.body.classList.add('dropping');
});
addEventListener(
  'dragleave',
  ({ relatedTarget }) => relatedTarget === null && document.body.classList.remove('dropping'),
);
addEventListener('drop', (event) => {
  event.preventDefault();
  document.body.classList.remove('dropping');
  addFiles(event.dataTransfer.files);
});
addEventListener('beforeunload', (event) => (isAtWork() || stopRecording !== undefined) && event.preventDefault());
addEventListener('pagehide', keepEdits);

let stopRecording;
const recordButton = byId('record');
const recordName = recordButton.lastElementChild;
recordButton.addEventListener('click', async () => {
  if (stopRecording !== undefined) {
    const stop = stopRecording;
    stopRecording = undefined;
    recordButton.classList.remove('recording');
    recordName.textContent = text('record');
    const time = new Date().toLocaleTimeString('en-GB').replaceAll(':', '-');
    return addFiles([await stop(`${text('recording')} ${time}.wav`)]);
  }
  // A second recording would begin while the first still waits for the microphone.
  recordButton.disabled = true;
  try {
    stopRecording = await record((seconds, loudness) => {
      recordName.textContent = `${text('stop')} ${seconds.toFixed(0)} s`;
      recordButton.style.setProperty('--loudness', loudness);
    });
    recordButton.classList.add('recording');
  } catch (error) {
    say(text('microphoneRefused', error.message));
  } finally {
    recordButton.disabled = false;
  }
});
if (navigator.mediaDevices === undefined) {
  recordButton.disabled = true;
  recordButton.title = text('microphoneUnsafe');
}

restoreOptions();
showTheme();
showLanguage();
watchServer();
