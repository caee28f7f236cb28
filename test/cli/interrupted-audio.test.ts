import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { silentFlac } from '../audio/formats/flac-bytes.ts';
import { models } from '../support/models.ts';
import { runCli } from '../support/run-cli.ts';
import { temporaryFolder } from '../support/temporary.ts';

describe.skipIf(models.tinyEn === undefined)('a recording that takes minutes to decode', () => {
  test.each([
    ['SIGINT', []],
    ['SIGTERM', []],
    ['SIGINT', ['--vad']],
  ] as const)('ends at %s with 130 %j', async (signal, options) => {
    const path = join(temporaryFolder(), 'hours.flac');
    writeFileSync(path, silentFlac(20_000));
    let sentAt = Number.POSITIVE_INFINITY;
    const { code, stderr } = await runCli(['transcribe', '--model', models.tinyEn ?? '', ...options, path], {
      when: {
        text: 'model ',
        act: (kill) =>
          setTimeout(() => {
            sentAt = performance.now();
            kill(signal);
          }, 1000),
      },
    });
    expect(code).toBe(130);
    expect(stderr).toContain('interrupted');
    expect(performance.now() - sentAt).toBeLessThan(30_000); // of the hour that decoding would take
  });
});
