import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';

const root = new URL('../../', import.meta.url);

/**
 * Compiles `src` to `dist` once before all tests (vitest's globalSetup): worker threads and child processes of the tests
 * run JavaScript, which Node 20 cannot make of TypeScript itself.
 */
export function setup(): void {
  const inRoot = (path: string) => fileURLToPath(new URL(path, root));
  const tsc = [inRoot('node_modules/typescript/bin/tsc'), '-p', inRoot('tsconfig.build.json')];
  const { status, stdout, stderr } = spawnSync(process.execPath, tsc, { encoding: 'utf8' });
  if (status !== 0) throw new Error(`src does not compile:\n${stdout}${stderr}`);
}

/** The address of a compiled module, for `import()` and for child processes. */
export function built(module: string): string {
  return new URL(`dist/${module}`, root).href;
}
