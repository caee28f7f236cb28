// Builds the native addon: build/Release/whisper_npu.node.
//   --optional            where it cannot be built, say so in one line and succeed (npm's install step)
//   --arm64               cross-build with aarch64-linux-gnu-g++: build/arm64/whisper_npu.node
//   WHISPER_NPU_SANITIZE  address or thread: build/<name>/whisper_npu.node, to be run with that sanitizer's library
import { spawnSync } from 'node:child_process';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const optional = process.argv.includes('--optional');
const arm64 = process.argv.includes('--arm64');
const sanitizer = process.env.WHISPER_NPU_SANITIZE;

function runs(command) {
  return spawnSync(command, ['--version'], { stdio: 'ignore' }).status === 0;
}

function giveUp(reason) {
  console.error(`whisper-npu: the native addon is not built: ${reason}. Everything on the CPU works without it.`);
  process.exit(optional ? 0 : 1);
}

function cmakeJs() {
  try {
    return join(dirname(createRequire(import.meta.url).resolve('cmake-js/package.json')), 'bin', 'cmake-js');
  } catch {
    return undefined;
  }
}

if (process.platform !== 'linux') giveUp('Ascend devices are on Linux only');
if (!runs('cmake')) giveUp('there is no CMake');
const compiler = arm64 ? 'aarch64-linux-gnu-g++' : (process.env.CXX ?? 'c++');
if (!runs(compiler)) giveUp(`there is no C++ compiler (${compiler})`);
const builder = cmakeJs();
if (builder === undefined) giveUp('cmake-js is not installed');

const args = [builder, 'compile', '--directory', root];
const folder = arm64 ? 'arm64' : sanitizer;
if (folder) {
  const output = join(root, 'build', folder);
  args.push('--out', output, `--CDCMAKE_LIBRARY_OUTPUT_DIRECTORY=${output}`);
}
if (arm64) args.push(`--CDCMAKE_TOOLCHAIN_FILE=${join(root, 'native', 'aarch64-linux-gnu.cmake')}`);
if (sanitizer) args.push(`--CDWHISPER_NPU_SANITIZE=${sanitizer}`);
const build = spawnSync(process.execPath, args, { cwd: root, encoding: 'utf8' });
if (build.status !== 0) {
  console.error(build.stdout, build.stderr);
  giveUp('the compiler failed, see above');
}
