// Builds the stand-in for CANN into build/stand-in: the library, its device, and atc. Needs a C++20 compiler and CMake.
import { execFileSync } from 'node:child_process';
import { chmodSync, copyFileSync, cpSync, mkdirSync, rmSync, symlinkSync } from 'node:fs';
import path from 'node:path';

const root = path.dirname(import.meta.dirname);
const source = path.join(root, 'test', 'stand-in');
const sanitize = process.env.STAND_IN_SANITIZE ?? '';
const target = process.env.STAND_IN_BUILD_DIR ?? path.join(root, 'build', 'stand-in');
const objects = path.join(target, 'cmake');

function run(command, args) {
  execFileSync(command, args, { stdio: ['ignore', 'inherit', 'inherit'], cwd: root });
}

mkdirSync(objects, { recursive: true });
run('cmake', ['-S', source, '-B', objects, '-DCMAKE_BUILD_TYPE=RelWithDebInfo', `-DSTAND_IN_SANITIZE=${sanitize}`]);
run('cmake', ['--build', objects, '--parallel', '2']);
for (const file of ['libascendcl.so', 'stand_in_test']) {
  // Processes may have the old library open: it is replaced, never overwritten.
  rmSync(path.join(target, file), { force: true });
  copyFileSync(path.join(objects, file), path.join(target, file));
}
// Its device imports what only the tests have installed.
run(process.execPath, [path.join(root, 'scripts', 'install-test-packages.mjs')]);
const packages = path.join(target, 'node_modules');
rmSync(packages, { force: true });
symlinkSync(path.join(root, 'test', 'node_modules'), packages);
rmSync(path.join(target, 'js'), { recursive: true, force: true });
const compiler = path.join(root, 'node_modules', 'typescript', 'bin', 'tsc');
run(process.execPath, [compiler, '-p', source, '--outDir', path.join(target, 'js')]);
// Plain JavaScript, which scripts use as it is.
cpSync(path.join(source, 'kernels'), path.join(target, 'js', 'kernels'), { recursive: true });

const atc = path.join(target, 'atc');
copyFileSync(path.join(source, 'atc', 'atc.sh'), atc);
chmodSync(atc, 0o755);
