// Builds the native addons: build/Release/whisper_npu.node, and on x86-64 build/Release/whisper_cpu.node.
//   --optional            where one cannot be built, say so in a line and succeed (npm's install step)
//   --arm64               cross-build with aarch64-linux-gnu-g++: build/arm64/whisper_npu.node
//   WHISPER_NPU_SANITIZE  address or thread: build/<name>/*.node, to be run with that sanitizer's library
import { spawnSync } from 'node:child_process';
import { copyFileSync, mkdirSync, renameSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const optional = process.argv.includes('--optional');
const arm64 = process.argv.includes('--arm64');
const sanitizer = process.env.WHISPER_NPU_SANITIZE;

/** What is built for this processor, and what goes on without it. */
const addons = [
  { target: 'whisper_npu', without: 'NPUs cannot be used; everything on the CPU works without it' },
  ...(arm64 || process.arch !== 'x64'
    ? []
    : [{ target: 'whisper_cpu', without: 'the CPU computes with ONNX Runtime, which takes longer' }]),
];

function runs(command) {
  return spawnSync(command, ['--version'], { stdio: 'ignore' }).status === 0;
}

function giveUp(reason, missing = addons) {
  for (const { target, without } of missing)
    console.error(`whisper-npu: ${target}.node is not built: ${reason}. So ${without}.`);
  process.exit(optional ? 0 : 1);
}

function cmakeJs() {
  try {
    return join(dirname(createRequire(import.meta.url).resolve('cmake-js/package.json')), 'bin', 'cmake-js');
  } catch {
    return undefined;
  }
}

if (process.platform !== 'linux') giveUp('they are for Linux only');
if (!runs('cmake')) giveUp('there is no CMake');
// CXX may have arguments behind it, as CMake takes it.
const [compiler] = arm64 ? ['aarch64-linux-gnu-g++'] : (process.env.CXX ?? 'c++').trim().split(/\s+/);
if (!runs(compiler)) giveUp(`there is no C++ compiler (${compiler})`);
const builder = cmakeJs();
if (builder === undefined) giveUp('cmake-js is not installed');

const folder = join(root, 'build', ...(arm64 ? ['arm64'] : sanitizer ? [sanitizer] : []));
const placeOf = (target) => join(folder, ...(arm64 || sanitizer ? [] : ['Release']), `${target}.node`);
const options = ['--directory', root, '--out', folder];
if (arm64) options.push(`--CDCMAKE_TOOLCHAIN_FILE=${join(root, 'native', 'aarch64-linux-gnu.cmake')}`);
if (sanitizer) options.push(`--CDWHISPER_NPU_SANITIZE=${sanitizer}`);

function cmake(...args) {
  return spawnSync(process.execPath, [builder, ...args, ...options], { cwd: root, encoding: 'utf8' });
}

/** One at a time: where a compiler is too old for one of them, the other is built all the same. */
function build() {
  let configured = cmake('configure');
  // What an older CMake or another place left behind cannot be configured again.
  if (configured.status !== 0) configured = cmake('reconfigure');
  const results = addons.map((addon) => ({
    addon,
    ...(configured.status === 0 ? cmake('build', '--target', addon.target) : configured),
  }));
  for (const { addon, status } of results) {
    if (status === 0) put(addon.target);
    else rmSync(placeOf(addon.target), { force: true }); // one of other sources would not do
  }
  return results.filter(({ status }) => status !== 0);
}

/** Into its place in one go: half of an addon would kill who loads it. */
function put(target) {
  const addon = placeOf(target);
  mkdirSync(dirname(addon), { recursive: true });
  copyFileSync(join(folder, 'linked', `${target}.node`), `${addon}.new`);
  renameSync(`${addon}.new`, addon);
}

try {
  const failed = build();
  for (const { stdout, stderr } of failed) console.error(stdout, stderr);
  const missing = failed.map(({ addon }) => addon);
  if (missing.length > 0) giveUp('the compiler failed, see above', missing);
} catch (error) {
  giveUp(error.message);
}
