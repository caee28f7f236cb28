import { execFileSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';

/** Installs what only the tests need, before all others (vitest's globalSetup). */
export function setup(): void {
  const script = fileURLToPath(new URL('../../scripts/install-test-packages.mjs', import.meta.url));
  execFileSync(process.execPath, [script], { stdio: 'inherit' });
}
