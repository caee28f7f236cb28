/** The documents of the repository, and what is in them: code blocks, links and headings. */
import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

export const root = fileURLToPath(new URL('../..', import.meta.url));

/** What may stand behind the language of a code block, and why the block is not run then. */
export const marks = {
  card: 'needs an Ascend card and CANN',
  install: 'installs something, or starts a container',
  download: 'downloads gigabytes',
  long: 'takes more than a minute',
  server: 'runs until it is ended',
};

/** Paths of all documents, from the root. */
export function documentPaths() {
  const inDocs = readdirSync(`${root}docs`, { recursive: true }).map((file) => `docs/${file}`);
  return [...readdirSync(root), ...inDocs].filter((file) => file.endsWith('.md')).sort();
}

export function readDocument(path) {
  return readFileSync(`${root}${path}`, 'utf8');
}

/**
 * The fenced code blocks of a document.
 *
 * @returns of each its language, its mark if it has one, its text, and the line that it begins on
 */
export function codeBlocks(text) {
  const blocks = [];
  let open;
  for (const [index, line] of text.split('\n').entries()) {
    const [, fence, info = ''] = /^\s*(`{3,})(.*)$/.exec(line) ?? [];
    if (open === undefined && fence !== undefined) {
      const [language = '', mark] = info.trim().split(/\s+/);
      open = { language, mark, line: index + 1, lines: [] };
    } else if (fence !== undefined) {
      blocks.push({ ...open, text: `${open.lines.join('\n')}\n` });
      open = undefined;
    } else open?.lines.push(line);
  }
  return blocks;
}

/** The commands of a block: its lines, joined where one ends with a backslash; of a recorded session what follows `$ `. */
export function commandsOf({ language, text }) {
  const lines = text.replaceAll('\\\n', ' ').split('\n');
  const said = language === 'console' ? lines.flatMap((line) => (line.startsWith('$ ') ? [line.slice(2)] : [])) : lines;
  return said.map((line) => line.trim()).filter((line) => line !== '' && !line.startsWith('#'));
}

/** What is left of a document without its code. */
function proseOf(text) {
  return text.replace(/^\s*```[\s\S]*?^\s*```\s*$/gm, '').replace(/`[^`\n]*`/g, '');
}

/** Where links and pictures of a document point. */
export function linksOf(text) {
  const found = [...proseOf(text).matchAll(/\]\(([^)\s]+)\)|(?:src|href)="([^"]+)"/g)];
  return found.map(([, inText, inTag]) => inText ?? inTag);
}

/** The fragments that a document's headings can be linked to by, as GitHub makes them. */
export function anchorsOf(text) {
  const headings = text.replace(/^\s*```[\s\S]*?^\s*```\s*$/gm, '').matchAll(/^#{1,6} (.+)$/gm);
  return [...headings].map(([, heading]) =>
    heading
      .toLowerCase()
      .replace(/\[([^\]]*)\]\([^)]*\)/g, '$1')
      .replace(/[^\p{L}\p{N}\s_-]/gu, '')
      .trim()
      .replace(/\s/g, '-'),
  );
}
