// Installs what only the tests need (test/package.json), once. ONNX Runtime plays the NPU of the stand-in and is the second
// opinion on our own operators; its install script would download programs for GPUs from outside of the registry, so it is
// not run. Playwright drives the system's Chromium and axe-core looks at the server's page.
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const folder = fileURLToPath(new URL('../test', import.meta.url));

/** Versions by path, as a lock file has them. */
function versions(lockFile) {
  const { packages } = JSON.parse(readFileSync(lockFile, 'utf8'));
  return JSON.stringify(
    Object.entries(packages).flatMap(([path, { version }]) => (path === '' ? [] : [[path, version]])),
  );
}

const wanted = join(folder, 'package-lock.json');
const installed = join(folder, 'node_modules', '.package-lock.json');
if (!existsSync(installed) || versions(installed) !== versions(wanted)) {
  // Without it an installation that is broken off is not taken for a whole one. What is there already stays: it is large.
  rmSync(installed, { force: true });
  const npm = spawnSync('npm', ['install', '--no-save', '--ignore-scripts', '--no-audit', '--no-fund'], {
    cwd: folder,
    stdio: 'inherit',
  });
  process.exitCode = npm.status ?? 1;
}
