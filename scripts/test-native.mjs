// Builds and runs the tests of native/ with the sanitizers: address with undefined behaviour, then threads.
//
//   npm run build:native && node scripts/test-native.mjs
//   WHISPER_NPU_TEST_DAMAGED_MODELS=5000 node scripts/test-native.mjs     with so many damaged models instead of 200
import { spawnSync } from 'node:child_process';
import { createRequire } from 'node:module';
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

// Every level takes a minute to compile: those that cannot be run here are not, nor AVX-VNNI, one instruction more than AVX2.
const levels = createRequire(import.meta.url)('../build/Release/whisper_cpu.node').levels();
const worthwhile = levels.filter((level) => level !== 'avxvnni');

const variants = {
  address: {
    tests: ['native_test', 'cpu_test', 'network_test', 'damaged_models_test'],
    options: [`-DWHISPER_CPU_LEVELS=${worthwhile.join(';')}`],
  },
  // Damaged models do to threads what whole ones do, and all levels share their work among threads in the same way.
  thread: { tests: ['native_test', 'cpu_test', 'network_test'], options: ['-DWHISPER_CPU_LEVELS=plain'] },
};

for (const [sanitizer, { tests, options }] of Object.entries(variants)) {
  const build = join(root, 'build', `native-${sanitizer}`);
  const common = [
    '-DWHISPER_NPU_TESTS=ON',
    `-DWHISPER_NPU_SANITIZE=${sanitizer}`,
    '-DCMAKE_COMPILE_WARNING_AS_ERROR=ON',
  ];
  run('cmake', ['-S', root, '-B', build, ...common, ...options]);
  run('cmake', ['--build', build, '--parallel', '2']);
  const suppressions = join(root, 'test', 'native', 'tsan.supp');
  for (const test of tests)
    run(join(build, 'test', 'native', test), [], { TSAN_OPTIONS: `suppressions=${suppressions}` });
}
