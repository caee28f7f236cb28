// Builds the addons as they are published: packages/*/*.node, for an old glibc and for musl, on any Linux machine.
//
//   python3 -m pip install ziglang==0.17.1
//   node scripts/build-packages.mjs [linux-x64] [linux-arm64] [linux-x64-musl] [linux-arm64-musl]
//
// ZIG names the zig program where it is not the one of Python's package ziglang. The first build for a target compiles the
// C++ library too, which takes minutes.
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { buildTargets, findCmakeJs, putAddon, root, runs } from './cmake-build.mjs';

/** glibc 2.28 is what Debian 10, RHEL 8 and openEuler 20.03 have. CANN has no build for musl. */
const packages = {
  'linux-x64': { zigTarget: 'x86_64-linux-gnu.2.28', addons: ['whisper_cpu', 'whisper_npu'] },
  'linux-arm64': { zigTarget: 'aarch64-linux-gnu.2.28', addons: ['whisper_cpu', 'whisper_npu'] },
  'linux-x64-musl': { zigTarget: 'x86_64-linux-musl', addons: ['whisper_cpu'] },
  'linux-arm64-musl': { zigTarget: 'aarch64-linux-musl', addons: ['whisper_cpu'] },
};

function fail(reason) {
  console.error(`build-packages: ${reason}`);
  process.exit(1);
}

function findZig() {
  if (process.env.ZIG !== undefined) return process.env.ZIG;
  const program = 'import os, ziglang; print(os.path.join(os.path.dirname(ziglang.__file__), "zig"))';
  const { status, stdout } = spawnSync('python3', ['-I', '-c', program], { encoding: 'utf8' });
  if (status !== 0) fail('there is no zig: run `python3 -m pip install ziglang==0.17.1`, or name the program in ZIG');
  return stdout.trim();
}

const names = process.argv.length > 2 ? process.argv.slice(2) : Object.keys(packages);
const unknown = names.filter((name) => packages[name] === undefined);
if (unknown.length > 0)
  fail(`there is no package ${unknown.join(', ')}: there are ${Object.keys(packages).join(', ')}`);
if (!runs('cmake')) fail('there is no CMake');
const cmakeJs = findCmakeJs();
if (cmakeJs === undefined) fail('cmake-js is not installed: run `npm ci`');
const zig = findZig();

for (const name of names) {
  const { zigTarget, addons } = packages[name];
  const folder = join(root, 'build', 'packages', name);
  const definitions = {
    CMAKE_TOOLCHAIN_FILE: join(root, 'native', 'zig.cmake'),
    CMAKE_SHARED_LINKER_FLAGS: '-s', // debug information would be nine tenths of the file
    ZIG: zig,
    ZIG_TARGET: zigTarget,
  };
  for (const { target, status, stdout, stderr } of buildTargets(cmakeJs, folder, definitions, addons)) {
    if (status !== 0) fail(`${target} for ${name}:\n${stdout}\n${stderr}`);
    putAddon(folder, target, join(root, 'packages', name, `${target}.node`));
    console.log(`packages/${name}/${target}.node`);
  }
}
