// Builds the native addons for this machine: build/Release/whisper_npu.node and whisper_cpu.node.
//   --optional            where one cannot be built, say so in a line and succeed (a checkout's install)
//   --arm64               cross-build with aarch64-linux-gnu-g++: build/arm64/*.node
//   WHISPER_NPU_SANITIZE  address or thread: build/<name>/*.node, to be run with that sanitizer's library
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { buildTargets, findCmakeJs, putAddon, root, runs } from './cmake-build.mjs';

const optional = process.argv.includes('--optional');
const arm64 = process.argv.includes('--arm64');
const sanitizer = process.env.WHISPER_NPU_SANITIZE;

/** Each addon, and what it means that it is missing. */
const addons = { whisper_npu: 'NPUs cannot be used', whisper_cpu: 'nothing can be computed on the CPU' };

function giveUp(reason, missing = Object.keys(addons)) {
  for (const target of missing)
    console.error(`whisper-npu: ${target}.node is not built: ${reason}. Without it ${addons[target]}.`);
  process.exit(optional ? 0 : 1);
}

if (process.platform !== 'linux') giveUp('they are for Linux only');
if (!runs('cmake')) giveUp('there is no CMake');
// CXX may have arguments behind it, as CMake takes it.
const [compiler] = arm64 ? ['aarch64-linux-gnu-g++'] : (process.env.CXX ?? 'c++').trim().split(/\s+/);
if (!runs(compiler)) giveUp(`there is no C++ compiler (${compiler})`);
const cmakeJs = findCmakeJs();
if (cmakeJs === undefined) giveUp('cmake-js is not installed');

const folder = join(root, 'build', ...(arm64 ? ['arm64'] : sanitizer ? [sanitizer] : []));
const placeOf = (target) => join(folder, ...(arm64 || sanitizer ? [] : ['Release']), `${target}.node`);
const definitions = {
  ...(arm64 ? { CMAKE_TOOLCHAIN_FILE: join(root, 'native', 'aarch64-linux-gnu.cmake') } : {}),
  ...(sanitizer ? { WHISPER_NPU_SANITIZE: sanitizer } : {}),
};

try {
  const results = buildTargets(cmakeJs, folder, definitions, Object.keys(addons));
  for (const { target, status } of results) {
    if (status === 0) putAddon(folder, target, placeOf(target));
    else rmSync(placeOf(target), { force: true }); // one of other sources would not do
  }
  const failed = results.filter(({ status }) => status !== 0);
  for (const { stdout, stderr } of failed) console.error(stdout, stderr);
  if (failed.length > 0)
    giveUp(
      'the compiler failed, see above',
      failed.map(({ target }) => target),
    );
} catch (error) {
  giveUp(error.message);
}
