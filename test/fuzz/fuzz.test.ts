import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { hangLimitMs } from '../support/hang-limit.ts';

const script = fileURLToPath(new URL('../../scripts/fuzz.mjs', import.meta.url));
const fuzz = (...args: string[]) => {
  const { status, stdout } = spawnSync(process.execPath, [script, ...args], { encoding: 'utf8', timeout: hangLimitMs });
  return { status, lines: stdout.trimEnd().split('\n') };
};

test('no damaged input makes a reader fail with anything but an error for people, hang, or lose memory', () => {
  const { status, lines } = fuzz('--cheap', '1400', '--decoder', '120');
  expect(lines.filter((line) => !line.endsWith(' 0 findings'))).toEqual([]);
  expect(lines).toHaveLength(12);
  expect(status).toBe(0);
});
