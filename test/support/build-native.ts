import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { buildStandIn } from '../stand-in/built.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));
const addons = ['whisper_cpu', 'whisper_npu'];

/**
 * Builds the addons and the stand-in for CANN where they are missing (vitest's globalSetup), once before all tests. Where
 * there is no compiler the tests of the NPU path are skipped, and those that compute on the CPU fail; under CI that is an error.
 */
export function setup(): void {
  const hasAddons = () => addons.every((name) => existsSync(`${root}/build/Release/${name}.node`));
  if (!hasAddons())
    spawnSync(process.execPath, ['scripts/build-native.mjs', '--optional'], { cwd: root, stdio: 'inherit' });
  const hasStandIn = buildStandIn();
  if (process.env['CI'] !== undefined && !(hasAddons() && hasStandIn)) {
    throw new Error('native code cannot be tested: CMake and a C++20 compiler are needed');
  }
}
