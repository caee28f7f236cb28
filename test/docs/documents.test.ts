import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';
import { describe, expect, test } from 'vitest';
import {
  anchorsOf,
  codeBlocks,
  commandsOf,
  documentPaths,
  linksOf,
  marks,
  readDocument,
  root,
} from '../../scripts/documents/documents.mjs';
import { models } from '../support/models.ts';

const paths = documentPaths();

test('there are documents, and what is in them is found', () => {
  expect(paths).toEqual(expect.arrayContaining(['README.md', 'docs/cli.md', 'docs/library.md']));
  const text = '# A `b` c\n[x](y.md#z) `[no](link)`\n```sh card\n[no](link)\n```\n';
  expect([linksOf(text), anchorsOf(text)]).toEqual([['y.md#z'], ['a-b-c']]);
  expect(codeBlocks(text)).toMatchObject([{ language: 'sh', mark: 'card', line: 3, text: '[no](link)\n' }]);
});

describe.each(paths)('%s', (path) => {
  const text = readDocument(path);

  test('links to files and headings that there are', () => {
    const dead = linksOf(text).filter((link) => {
      if (/^(https?|mailto):/.test(link)) return false;
      const [file = '', fragment] = link.split('#');
      const target = file === '' ? path : normalize(join(dirname(path), file));
      if (!existsSync(join(root, target))) return true;
      return fragment !== undefined && !anchorsOf(readDocument(target)).includes(fragment);
    });
    expect(dead).toEqual([]);
  });

  test('says of every block of code in which language it is, and of commands that are not run why', () => {
    const unknown = codeBlocks(text).filter(
      ({ language, mark }) => language === '' || (mark !== undefined && !Object.hasOwn(marks, mark)),
    );
    expect(unknown.map(({ line }) => line)).toEqual([]);
  });
});

test.skipIf(models.base === undefined || models.tinyEn === undefined)('every example of docs/library.md runs', () => {
  const script = join(root, 'scripts/run-documents.mjs');
  const { status, stderr } = spawnSync(process.execPath, [script, 'docs/library.md'], { encoding: 'utf8' });
  expect(stderr).toBe('');
  expect(status).toBe(0);
});

test.each([
  ['README.md', 150],
  ['README.zh-CN.md', 150],
  ['ARCHITECTURE.md', 200],
])('%s has at most %d lines', (path, most) => {
  expect(readDocument(path).trimEnd().split('\n').length).toBeLessThanOrEqual(most);
});

test('README.zh-CN.md has the commands and figures of README.md', () => {
  const [english, chinese] = ['README.md', 'README.zh-CN.md'].map((path) => {
    const text = readDocument(path);
    const commands = codeBlocks(text).flatMap(commandsOf);
    const figures = [...text.matchAll(/\|[^|\n]*\d[^|\n]*(?=\|)/g)].map(([cell]) => cell.match(/\d[\d.]*/g)?.join(' '));
    return { commands: commands.map((command) => command.replace(/\s*(?:#|\/\/).*$/, '')), figures };
  });
  expect(chinese).toEqual(english);
});

test('every page of docs/decisions/ is listed in ARCHITECTURE.md', () => {
  const listed = linksOf(readDocument('ARCHITECTURE.md'));
  const pages = paths.filter((path) => path.startsWith('docs/decisions/'));
  expect(pages.length).toBeGreaterThan(10);
  expect(pages.filter((path) => !listed.includes(path))).toEqual([]);
});
