const name = 'whisper-npu:settings';

/** What somebody chose in this browser: language and theme of the page, fields of the form, format. */
export const settings = { language: navigator.language.startsWith('zh') ? 'zh' : 'en', ...read() };

function read() {
  try {
    return JSON.parse(localStorage.getItem(name) ?? '{}');
  } catch {
    return {}; // a browser that keeps nothing, or something else under that name
  }
}

export function store(changes) {
  Object.assign(settings, changes);
  try {
    localStorage.setItem(name, JSON.stringify(settings));
  } catch {
    // It holds until the page is closed.
  }
}
