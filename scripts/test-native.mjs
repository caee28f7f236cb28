// Builds and runs the tests of native/ with the sanitizers: address with undefined behaviour, then threads.
import { spawnSync } from 'node:child_process';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = dirname(dirname(fileURLToPath(import.meta.url)));

function run(command, args, env = {}) {
  const { status, error } = spawnSync(command, args, {
    cwd: root,
    stdio: ['ignore', 'inherit', 'inherit'],
    env: { ...process.env, ...env },
    timeout: 3_600_000, // only what hangs
  });
  if (error !== undefined) throw error;
  if (status !== 0) process.exit(status ?? 1);
}

for (const sanitizer of ['address', 'thread']) {
  const build = join(root, 'build', `native-${sanitizer}`);
  const options = [
    '-DWHISPER_NPU_TESTS=ON',
    `-DWHISPER_NPU_SANITIZE=${sanitizer}`,
    '-DCMAKE_COMPILE_WARNING_AS_ERROR=ON',
  ];
  run('cmake', ['-S', root, '-B', build, ...options]);
  run('cmake', ['--build', build, '--parallel', '2']);
  const suppressions = join(root, 'test', 'native', 'tsan.supp');
  for (const test of ['native_test', 'cpu_test', 'network_test'].map((name) => join(build, 'test', 'native', name)))
    run(test, [], { TSAN_OPTIONS: `suppressions=${suppressions}` });
}
