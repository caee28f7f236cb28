import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { silentFlac } from '../../audio/formats/flac-bytes.ts';
import { models } from '../../support/models.ts';
import { runCli } from '../../support/run-cli.ts';
import { temporaryFolder } from '../../support/temporary.ts';

// It takes an hour, and the limit of a test is less.
describe.skipIf(models.tinyEn === undefined)('a recording that takes long to decode', () => {
  test.each([
    ['SIGINT', []],
    ['SIGTERM', []],
    ['SIGINT', ['--vad']],
  ] as const)('ends at %s with 130 %j', async (signal, options) => {
    const path = join(temporaryFolder(), 'hours.flac');
    writeFileSync(path, silentFlac(20_000));
    const { code, stderr } = await runCli(['transcribe', '--model', models.tinyEn ?? '', ...options, path], {
      when: {
        text: 'model ',
        act: (kill) => setTimeout(() => kill(signal), 1000),
      },
    });
    expect(code).toBe(130);
    expect(stderr).toContain('interrupted');
  });
});
