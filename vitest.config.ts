import { availableParallelism } from 'node:os';
import { defineConfig } from 'vitest/config';
import { hangLimitMs } from './test/support/hang-limit.ts';
import { SlowFilesFirst } from './test/support/slow-files-first.ts';

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    globalSetup: [
      './test/support/install-test-packages.ts',
      './test/support/build-dist.ts',
      './test/support/build-native.ts',
      './test/support/fetch-models.ts',
    ],
    // Most tests wait for a process, which waits for files, signals or a device; two more than there are cores keep these at work.
    maxWorkers: availableParallelism() + 2,
    sequence: { sequencer: SlowFilesFirst },
    reporters: ['default', './test/support/closing-line-reporter.ts'],
    testTimeout: hangLimitMs,
    hookTimeout: hangLimitMs,
    teardownTimeout: hangLimitMs,
    expect: { poll: { timeout: hangLimitMs } },
  },
});
