import { execFileSync } from 'node:child_process';
import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('../..', import.meta.url));

/** Compiles `src` into a new folder, for tests that need it in a process of its own; Node 20 runs no TypeScript. */
export function compileSources(): string {
  const directory = mkdtempSync(join(tmpdir(), 'whisper-npu-compiled-'));
  const tsc = join(root, 'node_modules', 'typescript', 'bin', 'tsc');
  execFileSync(process.execPath, [tsc, '-p', join(root, 'tsconfig.build.json'), '--outDir', directory]);
  return directory;
}
