import { execFileSync, spawnSync } from 'node:child_process';
import { readdirSync, statSync } from 'node:fs';
import path from 'node:path';

const root = path.resolve(import.meta.dirname, '..', '..');

/** The stand-in as `npm run build:stand-in` leaves it. */
export const standIn = {
  library: path.join(root, 'build', 'stand-in', 'libascendcl.so'),
  atc: path.join(root, 'build', 'stand-in', 'atc'),
  driver: path.join(root, 'build', 'stand-in', 'stand_in_test'),
} as const;

/** Builds the stand-in where it is not built yet, or from older sources. @returns false where CMake or a compiler is missing */
export function buildStandIn(): boolean {
  // atc is copied last.
  if (Object.values(standIn).every((file) => dateOf(file) > 0) && dateOf(standIn.atc) > newestSource()) return true;
  const cmake = spawnSync('cmake', ['--version']);
  if (cmake.error !== undefined || process.platform !== 'linux') return false;
  execFileSync(process.execPath, [path.join(root, 'scripts', 'build-stand-in.mjs')], { stdio: 'pipe' });
  return true;
}

/** When a file was last written; 0 where there is none. */
function dateOf(file: string): number {
  return statSync(file, { throwIfNoEntry: false })?.mtimeMs ?? 0;
}

function newestSource(): number {
  const files = readdirSync(import.meta.dirname, { recursive: true, withFileTypes: true });
  // Tests are no part of it.
  const sources = files.filter((file) => file.isFile() && !file.name.endsWith('.test.ts') && file.name !== 'built.ts');
  return Math.max(...sources.map((file) => dateOf(path.join(file.parentPath, file.name))));
}
