import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { buildStandIn } from '../stand-in/built.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));

/**
 * Builds the addon and the stand-in for CANN where they are missing (vitest's globalSetup), once before all tests. Where
 * there is no compiler the tests of the NPU path are skipped; under CI that is an error.
 */
export function setup(): void {
  if (!existsSync(`${root}/build/Release/whisper_npu.node`)) {
    spawnSync(process.execPath, ['scripts/build-native.mjs', '--optional'], { cwd: root, stdio: 'inherit' });
  }
  const hasAddon = existsSync(`${root}/build/Release/whisper_npu.node`);
  const hasStandIn = buildStandIn();
  if (process.env['CI'] !== undefined && !(hasAddon && hasStandIn)) {
    throw new Error('the NPU path cannot be tested: CMake and a C++20 compiler are needed');
  }
}
