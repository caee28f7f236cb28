import { spawnSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';

const root = fileURLToPath(new URL('../..', import.meta.url));
const page = readFileSync(join(root, 'docs/cli.md'), 'utf8');

test('docs/cli.md is what its script writes from the description of the options', () => {
  const script = join(root, 'scripts/write-cli-docs.mjs');
  const { status, stderr } = spawnSync(process.execPath, [script, '--check'], { encoding: 'utf8' });
  expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
});

/** For tests alone. */
const internal = new Set([
  'WHISPER_NPU_LOCK_SILENCE_MS',
  'WHISPER_NPU_QUEUE_LOCK_MS',
  'WHISPER_NPU_QUEUE_PART_SECONDS',
]);

test('docs/cli.md names every environment variable of ours that the program reads', () => {
  const files = readdirSync(join(root, 'src'), { recursive: true, encoding: 'utf8' }).filter((file) =>
    file.endsWith('.ts'),
  );
  const read = files.flatMap(
    (file) => readFileSync(join(root, 'src', file), 'utf8').match(/'WHISPER_NPU_[A-Z_]+'/g) ?? [],
  );
  const names = new Set(read.map((quoted) => quoted.slice(1, -1)).filter((name) => !internal.has(name)));
  expect(names.size).toBeGreaterThan(5);
  expect([...names].filter((name) => !page.includes(`| \`${name}\` |`))).toEqual([]);
});
