import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';

const root = fileURLToPath(new URL('../..', import.meta.url));
const page = readFileSync(join(root, 'docs/troubleshooting.md'), 'utf8');

/** What is written like a code and is none: environment variables, and codes and formats of others. */
const notCodes =
  /^(?:ASCEND|AWS|HF|HUGGINGFACE|KUBERNETES|NODE|NO_COLOR|WHISPER_NPU|NIST|XDG|ERR|HPE|ABORT_ERR|MODULE_NOT_FOUND|FRACTAL)(?:_|$)/;

function codesIn(folder: string): string[] {
  return readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })
    .filter((file) => /\.(?:ts|cc|h)$/.test(file))
    .flatMap(
      (file) => readFileSync(join(root, folder, file), 'utf8').match(/(['"])[A-Z][A-Z0-9]+(?:_[A-Z0-9]+)+\1/g) ?? [],
    )
    .map((quoted) => quoted.slice(1, -1))
    .filter((name) => !notCodes.test(name));
}

test('every error code of the program has its heading, and no heading is without a code', () => {
  const codes = new Set([...codesIn('src'), ...codesIn('native/npu'), ...codesIn('native/cpu'), 'UNEXPECTED']);
  const headings = [...page.matchAll(/^### ([A-Z0-9_]+)$/gm)].map(([, name]) => name);
  expect(codes.size).toBeGreaterThan(100);
  expect(headings.sort()).toEqual([...codes].sort());
});

test('headings are in alphabetical order within their groups, and say something', () => {
  for (const group of page.split(/^## /m).slice(1)) {
    const sections = group.split(/^### /m).slice(1);
    const names = sections.map((section) => section.split('\n', 1)[0] ?? '');
    expect(names).toEqual([...names].sort());
    for (const section of sections) expect(section.split('\n').slice(1).join('\n').trim(), section).not.toBe('');
  }
});
