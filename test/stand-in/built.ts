import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import path from 'node:path';

const root = path.resolve(import.meta.dirname, '..', '..');

/** The stand-in as `npm run build:stand-in` leaves it. */
export const standIn = {
  library: path.join(root, 'build', 'stand-in', 'libascendcl.so'),
  atc: path.join(root, 'build', 'stand-in', 'atc'),
  driver: path.join(root, 'build', 'stand-in', 'stand_in_test'),
} as const;

/** Builds the stand-in where it is not built yet. @returns false where CMake or a compiler is missing */
export function buildStandIn(): boolean {
  if ([standIn.library, standIn.atc, standIn.driver].every((file) => existsSync(file))) return true;
  const cmake = spawnSync('cmake', ['--version']);
  if (cmake.error !== undefined || process.platform !== 'linux') return false;
  execFileSync(process.execPath, [path.join(root, 'scripts', 'build-stand-in.mjs')], { stdio: 'pipe' });
  return true;
}
