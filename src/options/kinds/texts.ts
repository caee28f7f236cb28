import type { Kind } from '../kind.ts';

/** Any text, which may be empty. */
export const anyText: Kind<string> = texts('text', 'a text', () => true);

/** A name or path of something: a file, a folder, a model. */
export function nameOf(what: 'file' | 'folder' | 'list' | 'name' | 'reference'): Kind<string> {
  const expected = { file: 'a file', folder: 'a folder', list: 'a file', name: 'a name', reference: 'cpu or a file' };
  return texts(what, expected[what], (text) => text.trim() !== '' && !text.includes('\0'));
}

/** A chip, whose name goes into a folder's name and into commands. */
export const chip: Kind<string> = texts('name', 'the name of a chip, as Ascend910B4', (text) =>
  /^Ascend\w+$/.test(text),
);

/** A name that goes into names of files and of keys. */
export const plainName: Kind<string> = texts('name', 'a name of letters, digits and . _ -', (text) =>
  /^\w[\w.-]{0,63}$/.test(text),
);

/** What somebody has to know: nothing that a header could not carry. Its value is never shown. */
export const secret: Kind<string> = {
  ...texts('key', 'a key of letters, digits and signs', (text) => /^[!-~]+$/.test(text)),
  isSecret: true,
};

/** Where a server of jobs is. It may hold a password, so its value is never shown. */
export const queueAddress: Kind<string> = {
  ...texts(
    'address',
    'an address, as redis://localhost:6379 or postgres://localhost/jobs',
    (text) => URL.canParse(text) && /^(rediss?|postgres|postgresql):$/.test(new URL(text).protocol),
  ),
  isSecret: true,
};

/** Names of a machine, without ports; as a text with commas between them. */
export const hostNames: Kind<readonly string[]> = listOfTexts('names', 'names of machines, as example.org', (name) =>
  /^[a-z0-9]([a-z0-9.-]*[a-z0-9])?$/.test(name),
);

/** Where web pages come from; as a text with commas between them. */
export const origins: Kind<readonly string[]> = listOfTexts(
  'origins',
  'origins, as https://example.org',
  (text) => URL.canParse(text) && new URL(text).origin === text,
);

/** Words and phrases; as a text with commas between them. Of no words there may be none. */
export const phrases: Kind<readonly string[], readonly string[] | string> = {
  placeholder: 'words',
  expected: 'words with commas between them, as Ascend, Kunpeng',
  schema: { type: 'array', items: { type: 'string' } },
  isRepeatable: true,
  fromText: phrasesIn,
  fromCode(value) {
    if (typeof value === 'string') return phrasesIn(value);
    const isOfTexts = Array.isArray(value) && value.every((item) => typeof item === 'string');
    return isOfTexts ? value.flatMap(phrasesIn) : undefined;
  },
};

function phrasesIn(text: string): string[] {
  return text
    .split(',')
    .map((phrase) => phrase.trim())
    .filter((phrase) => phrase !== '');
}

/** Where a server is: its address, with the path to its API or without. */
export const serverAddress: Kind<string> = texts(
  'url',
  'the address of a server, as http://127.0.0.1:8000',
  (text) => URL.canParse(text) && isPlainAddress(new URL(text)),
);

function isPlainAddress({ protocol, username, password, search, hash }: URL): boolean {
  return /^https?:$/.test(protocol) && `${username}${password}${search}${hash}` === '';
}

function listOfTexts(
  placeholder: string,
  expected: string,
  isGood: (text: string) => boolean,
): Kind<readonly string[]> {
  const fromList = (given: readonly unknown[]) => {
    const items = given.map((item) => (typeof item === 'string' ? item.trim().toLowerCase() : ''));
    return items.length > 0 && items.every(isGood) ? items : undefined;
  };
  return {
    placeholder,
    expected,
    isRepeatable: true,
    fromText: (text) => fromList(text.split(',')),
    fromCode: (value) => (Array.isArray(value) ? fromList(value) : undefined),
  };
}

/** One of a few names, exactly as they are written here. */
export function choice<const Name extends string>(names: readonly Name[], placeholder = 'name'): Kind<Name> {
  const find = (value: unknown) => names.find((name) => name === value);
  return { placeholder, expected: alternatives(names), choices: names, fromText: find, fromCode: find };
}

/** Names as a sentence goes on with them: `mix, left or right`. */
export function alternatives(names: readonly string[]): string {
  const last = names.at(-1) ?? '';
  return names.length < 2 ? last : `${names.slice(0, -1).join(', ')} or ${last}`;
}

function texts(placeholder: string, expected: string, isGood: (text: string) => boolean): Kind<string> {
  const fromText = (text: string) => (isGood(text) ? text : undefined);
  return {
    placeholder,
    expected,
    fromText,
    fromCode: (value) => (typeof value === 'string' ? fromText(value) : undefined),
  };
}
