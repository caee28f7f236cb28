import { get, keepKey } from './api.js';
import { byId, element } from './dom.js';
import { text } from './texts.js';

let models = [];
let watching;
let asking;

/** Looks at the server until it is ready, and says so. @returns what ends then */
export function watchServer() {
  watching ??= watch().finally(() => {
    watching = undefined;
  });
  return watching;
}

async function watch() {
  for (;;) {
    const state = await get('ready').then(
      () => 'ready',
      (error) => (error.status === undefined ? 'unreachable' : 'loading'),
    );
    paintServer(state);
    if (state === 'ready') break;
    await new Promise((resolve) => setTimeout(resolve, 2000));
  }
  await listModels();
}

export function paintServer(state = byId('server').dataset.state) {
  byId('server').dataset.state = state;
  byId('server').textContent = [text(state), ...(state === 'ready' ? models.slice(0, 1) : [])].join(' · ');
}

async function listModels() {
  try {
    models = (await get('v1/models')).data.map(({ id }) => id);
  } catch (error) {
    if (error.status === 401 && (await askKey())) return listModels();
    return; // what is sent to it will say what is wrong
  }
  // The first one is what the server takes where none is named.
  const options = models.map((id, i) => element('option', { value: i === 0 ? '' : id }, id));
  byId('options').elements.model.replaceChildren(...options);
  paintServer();
}

/** @returns whether somebody gave a key */
export function askKey() {
  const dialog = byId('ask');
  asking ??= new Promise((resolve) => {
    byId('key').value = '';
    byId('key').title = text('keyForm');
    dialog.returnValue = '';
    dialog.onclose = () => {
      const key = byId('key').value.trim();
      asking = undefined;
      if (dialog.returnValue === 'given' && key !== '') keepKey(key);
      resolve(dialog.returnValue === 'given' && key !== '');
    };
    dialog.showModal();
  });
  return asking;
}

/** A recording and what is asked of it, as the server takes them. */
export function formOf(file) {
  const form = new FormData();
  for (const [name, value] of new FormData(byId('options'))) if (value !== '') form.append(name, value);
  form.append('stream', 'true');
  form.append('response_format', 'verbose_json');
  form.append('file', file, file.name);
  return form;
}

/** The name of the model that is chosen. */
export function chosenModel() {
  return byId('options').elements.model.selectedOptions[0]?.textContent;
}
