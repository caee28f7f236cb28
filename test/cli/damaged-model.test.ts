import { existsSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { hasStandIn, standInEnvironment } from '../support/npu-stand-in.ts';
import { writeRandomCheckpoint } from '../support/random-checkpoint.ts';
import { runCli } from '../support/run-cli.ts';
import { smallEnglishDimensions } from '../support/small-english-model.ts';

describe('a model whose tokenizer.json is damaged', () => {
  let root: string;
  beforeEach(async () => {
    root = await mkdtemp(join(tmpdir(), 'whisper-npu-damaged-'));
    await writeRandomCheckpoint(join(root, 'model'), { dimensions: smallEnglishDimensions, dtype: 'f16' });
    await writeFile(join(root, 'model', 'tokenizer.json'), '{}');
  });
  afterEach(() => rm(root, { recursive: true }));

  async function transcribe(device: string) {
    const args = ['transcribe', '-q', '--device', device, '--model', join(root, 'model'), 'samples/espeak-en-16k.wav'];
    const { code, stderr } = await runCli(args, {
      env: { ...standInEnvironment, WHISPER_NPU_HOME: join(root, 'home') },
    });
    expect(stderr).toContain(join(root, 'model', 'tokenizer.json'));
    expect(code).toBe(4);
  }

  // The program must end by itself: a thread of the CPU's would keep it alive.
  test('ends the program with an error on the CPU', () => transcribe('cpu'));

  test.skipIf(!hasStandIn)('is found before anything is converted for an NPU', async () => {
    await transcribe('npu');
    expect(existsSync(join(root, 'home', 'prepared'))).toBe(false);
  });
});
