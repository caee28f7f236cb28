export const byId = (id) => document.getElementById(id);

/** Makes an element of properties, `data` among them, and of what is in it. */
export function element(tag, { data = {}, aria, ...properties } = {}, ...children) {
  const node = Object.assign(document.createElement(tag), properties);
  Object.assign(node.dataset, data);
  if (aria !== undefined) node.setAttribute('aria-label', aria);
  node.append(...children);
  return node;
}

/** A button that shows one of the page's pictures and has a name. */
export function iconButton(icon, name, data = {}) {
  return element('button', { type: 'button', className: 'icon', aria: name, title: name, data }, picture(icon));
}

export function picture(name) {
  const svg = document.createElementNS('http://www.w3.org/2000/svg', 'svg');
  const use = document.createElementNS('http://www.w3.org/2000/svg', 'use');
  use.setAttribute('href', `#${name}`);
  svg.setAttribute('aria-hidden', 'true');
  svg.append(use);
  return svg;
}

/** Seconds as people read them: 1:05, 1:00:05. */
export function clock(seconds) {
  const whole = Math.max(0, Math.floor(seconds));
  const [hours, minutes] = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60];
  const two = (value) => String(value).padStart(2, '0');
  return `${hours > 0 ? `${hours}:${two(minutes)}` : minutes}:${two(whole % 60)}`;
}

/** Gives somebody a file. */
export function save(name, content) {
  const url = URL.createObjectURL(new Blob([content], { type: 'text/plain;charset=utf-8' }));
  element('a', { href: url, download: name }).click();
  setTimeout(() => URL.revokeObjectURL(url), 60_000);
}

let saying;

/** Says something to those who do not see it. */
export function say(message) {
  byId('said').textContent = message;
  clearTimeout(saying);
  saying = setTimeout(() => byId('said').replaceChildren(), 5000);
}
