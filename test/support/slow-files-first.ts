import { readFileSync } from 'node:fs';
import { BaseSequencer, type TestSpecification } from 'vitest/node';

/** What a test that starts programs, opens models or converts for the stand-in imports. */
const slow = /support\/(models|npu-stand-in|run-cli)\.ts'/;

/** Begins with the tests that take long, so that no worker is left with one of them while the others have nothing to do. */
export class SlowFilesFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const weights = new Map(
      files.map((file) => {
        const text = readFileSync(file.moduleId, 'utf8');
        return [file, (slow.test(text) ? 1_000_000 : 0) + text.length];
      }),
    );
    return files.sort((a, b) => (weights.get(b) ?? 0) - (weights.get(a) ?? 0));
  }
}
