import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';

const root = new URL('../../', import.meta.url);

/**
 * Compiles `src` to `dist` once before all tests (vitest's globalSetup): worker threads and child processes of the tests
 * run JavaScript, which Node 20 cannot make of TypeScript itself.
 */
export function setup(): void {
  const script = fileURLToPath(new URL('scripts/build-dist.mjs', root));
  const { status, stdout, stderr } = spawnSync(process.execPath, [script], { encoding: 'utf8' });
  if (status !== 0) throw new Error(`src does not compile:\n${stdout}${stderr}`);
}

/** The address of a compiled module, for `import()` and for child processes. */
export function built(module: string): string {
  return new URL(`dist/${module}`, root).href;
}
