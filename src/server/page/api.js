/** What the server says of an error. */
export class ApiError extends Error {
  constructor(status, { message, code } = {}, retryAfter = null) {
    super(message ?? `HTTP ${status}`);
    Object.assign(this, { status, code, retryAfterSeconds: Number(retryAfter ?? 5) });
  }
}

/** The server could not be reached, or broke off; `what` is the name of a text of the page. */
export class ConnectionError extends Error {
  constructor(what) {
    super(what);
    this.what = what;
  }
}

const keyName = 'whisper-npu:key';

let key = storedKey();

/** The key is forgotten when the tab is closed, in a browser that keeps nothing when the page is. */
export function keepKey(given) {
  key = given;
  try {
    sessionStorage.setItem(keyName, given);
  } catch {
    // The variable has it.
  }
}

function storedKey() {
  try {
    return sessionStorage.getItem(keyName);
  } catch {
    return null;
  }
}

function authorization() {
  return key ? { authorization: `Bearer ${key}` } : {};
}

/** @returns what the server answers in JSON @throws ApiError, TypeError where it cannot be reached */
export async function get(path) {
  const response = await fetch(path, { headers: authorization() });
  const body = await response.json();
  if (!response.ok) throw new ApiError(response.status, body.error, response.headers.get('retry-after'));
  return body;
}

/**
 * Sends a recording and tells what comes back, as events. Unlike fetch(), XMLHttpRequest says how much has been sent.
 *
 * @returns what the server warns of, if anything
 * @throws ApiError, ConnectionError, AbortError
 */
export function transcribe(form, { signal, onSent, onEvents }) {
  const request = new XMLHttpRequest();
  request.open('POST', 'v1/audio/transcriptions');
  for (const [name, value] of Object.entries(authorization())) request.setRequestHeader(name, value);
  return new Promise((resolve, reject) => {
    let read = 0;
    const takeEvents = () => {
      if (request.status !== 200) return;
      const end = request.responseText.lastIndexOf('\n\n');
      if (end < read) return;
      const lines = request.responseText.slice(read, end).split('\n');
      read = end + 2;
      const data = lines.filter((line) => line.startsWith('data: ')).map((line) => line.slice('data: '.length));
      const events = data.filter((text) => text !== '[DONE]').map((text) => JSON.parse(text));
      const failed = events.find(({ error }) => error !== undefined);
      onEvents(events);
      if (failed !== undefined) reject(new ApiError(500, failed.error));
      else if (data.at(-1) === '[DONE]') resolve(request.getResponseHeader('x-whisper-npu-warning'));
    };
    request.upload.onprogress = ({ loaded, total }) => onSent(loaded / total);
    request.onprogress = takeEvents;
    request.onload = () => {
      takeEvents();
      if (request.status === 200) return reject(new ConnectionError('cutShort'));
      reject(new ApiError(request.status, errorOf(request.responseText), request.getResponseHeader('retry-after')));
    };
    request.onerror = () => reject(new ConnectionError('unreachable'));
    request.onabort = () => reject(signal.reason);
    signal.addEventListener('abort', () => request.abort());
    request.send(form);
  });
}

function errorOf(body) {
  try {
    return JSON.parse(body).error;
  } catch {
    return { message: body.slice(0, 200) };
  }
}
