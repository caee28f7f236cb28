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
    // Most tests wait for a process, which waits for files, signals or a device; one more than there are cores keeps these at work.
    maxWorkers: availableParallelism() + 1,
    reporters: ['default', './test/support/closing-line-reporter.ts'],
    testTimeout: hangLimitMs,
    hookTimeout: hangLimitMs,
    teardownTimeout: hangLimitMs,
    expect: { poll: { timeout: hangLimitMs } },
  },
});
