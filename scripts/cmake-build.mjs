// Runs CMake through cmake-js, which knows where the headers of Node-API and node-addon-api lie.
import { spawnSync } from 'node:child_process';
import { copyFileSync, mkdirSync, renameSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const root = dirname(dirname(fileURLToPath(import.meta.url)));

/** Whether a program is on the PATH. */
export function runs(command) {
  return spawnSync(command, ['--version'], { stdio: 'ignore' }).status === 0;
}

/** Path of cmake-js's program, or undefined where it is not installed. */
export function findCmakeJs() {
  try {
    return join(dirname(createRequire(import.meta.url).resolve('cmake-js/package.json')), 'bin', 'cmake-js');
  } catch {
    return undefined;
  }
}

/**
 * Configures a build folder and builds targets in it, one after another: where one cannot be built, the others are all the
 * same.
 *
 * @param cmakeJs what findCmakeJs gives
 * @param definitions CMake's variables, by name
 * @returns per target {target, status, stdout, stderr}
 */
export function buildTargets(cmakeJs, folder, definitions, targets) {
  const options = ['--directory', root, '--out', folder];
  for (const [name, value] of Object.entries(definitions)) options.push(`--CD${name}=${value}`);
  const cmake = (...args) =>
    spawnSync(process.execPath, [cmakeJs, ...args, ...options], { cwd: root, encoding: 'utf8', maxBuffer: 2 ** 28 });
  let configured = cmake('configure');
  // What an older CMake or another place left behind cannot be configured again.
  if (configured.status !== 0) configured = cmake('reconfigure');
  return targets.map((target) => ({
    target,
    ...(configured.status === 0 ? cmake('build', '--target', target) : configured),
  }));
}

/** Copies a built addon into its place in one go: half of an addon would crash the process that loads it. */
export function putAddon(folder, target, place) {
  mkdirSync(dirname(place), { recursive: true });
  copyFileSync(join(folder, 'linked', `${target}.node`), `${place}.new`);
  renameSync(`${place}.new`, place);
}
