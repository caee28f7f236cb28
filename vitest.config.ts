import { availableParallelism } from 'node:os';
import { defineConfig } from 'vitest/config';
import { hangLimitMs } from './test/support/hang-limit.ts';

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    globalSetup: [
      './test/support/install-test-packages.ts',
      './test/support/build-dist.ts',
      './test/support/build-native.ts',
      './test/support/fetch-models.ts',
    ],
    // Vitest would leave a core free, which is half of a small machine; most tests wait for a process of one thread.
    maxWorkers: availableParallelism(),
    reporters: ['default', './test/support/closing-line-reporter.ts'],
    testTimeout: hangLimitMs,
    hookTimeout: hangLimitMs,
    teardownTimeout: hangLimitMs,
  },
});
