import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { optionsOf } from '../../src/options/names.ts';
import { optionTables } from '../../src/options/tables.ts';

const source = readFileSync(new URL('../../src/transcribe/options.ts', import.meta.url), 'utf8');
const fields = [...source.matchAll(/(\/\*\*(?:(?!\*\/)[\s\S])*\*\/)?\n {2}readonly (\w+)\?:/g)];
const comments = new Map(fields.map(([, comment = '', name = '']) => [name, comment]));

test('every option of transcribe() is documented in its type', () => {
  expect(fields.length).toBeGreaterThan(20);
  expect([...comments].filter(([, comment]) => comment === '').map(([name]) => name)).toEqual([]);
});

test('the documentation of transcribe() names the defaults that the description has', () => {
  const wrong = optionsOf(optionTables, 'transcribe()').filter(([name, { default: value }]) => {
    const comment = comments.get(name) ?? '';
    if (typeof value === 'number') return !comment.includes(`Default ${value}`);
    if (typeof value === 'boolean') return !comment.includes(`Default ${value}`);
    return false;
  });
  expect(wrong.map(([name]) => name)).toEqual([]);
});
