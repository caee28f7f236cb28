import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { WhisperNpuError } from '../src/errors.ts';
import { checkpointDirectory } from '../src/model/store.ts';
import { writeManifest } from '../src/model/stored-checkpoint.ts';
import { built } from './support/build-dist.ts';
import { type DamageName, damageNames, damages, randomIntegers } from './support/damage.ts';
import { models } from './support/models.ts';
import { writeRandomCheckpoint } from './support/random-checkpoint.ts';
import { smallEnglishDimensions } from './support/small-english-model.ts';

// Compiled: the CPU's backend has a worker.
const { loadModel, openRecording, transcribe }: typeof import('../src/index.ts') = await import(built('index.js'));

/** What a run says: its text or its error, and the warnings. */
interface Outcome {
  readonly text?: string;
  readonly error?: unknown;
  readonly warnings: readonly string[];
}

describe.skipIf(models.tinyEn === undefined)('a store whose files are damaged', () => {
  let root: string;
  let whole: string;
  let store: string;
  let usual: string | undefined;

  async function run(): Promise<Outcome> {
    const warnings: string[] = [];
    const options = { model: 'whisper-tiny.en', device: 'cpu', storeDirectory: store, offline: true, threads: 1 };
    const env = { PATH: '', HF_HOME: join(root, 'hf') };
    try {
      await using model = await loadModel({ ...options, env, onWarning: (message: string) => warnings.push(message) });
      await using recording = await openRecording('samples/espeak-en-16k.wav');
      let text = '';
      const decoding = { temperatures: [0], language: 'en' };
      for await (const segment of transcribe(model, recording, decoding)) text += segment.text;
      return { text, warnings };
    } catch (error) {
      return { error, warnings };
    }
  }

  beforeAll(async () => {
    root = mkdtempSync(join(tmpdir(), 'whisper-npu-damage-'));
    whole = join(root, 'whole');
    store = whole;
    const directory = checkpointDirectory(store, 'whisper-tiny.en');
    // A short context, so that a text without sense ends soon.
    await writeRandomCheckpoint(directory, { dimensions: { ...smallEnglishDimensions, nTextCtx: 16 }, dtype: 'f16' });
    cpSync(join(models.tinyEn ?? '', 'tokenizer.json'), join(directory, 'tokenizer.json'));
    const files = readdirSync(directory).map((name) => ({ name }));
    await writeManifest(directory, { version: 1, format: 'huggingface', source: 'a test', files });
    const { text, warnings, error } = await run();
    expect([error, warnings]).toEqual([undefined, []]);
    usual = text;
    expect(usual).toMatch(/./);
  });
  afterAll(() => rmSync(root, { recursive: true }));

  function filesOf(part: string): string[] {
    return readdirSync(join(whole, part), { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map((entry) => relative(whole, join(entry.parentPath, entry.name)))
      .sort();
  }

  /** Damages a file of a fresh copy of the store, and runs. */
  async function damaged(file: string, damage: DamageName, seed: number): Promise<Outcome> {
    store = join(root, 'store');
    rmSync(store, { recursive: true, force: true });
    cpSync(whole, store, { recursive: true, preserveTimestamps: true });
    const bytes = readFileSync(join(store, file));
    writeFileSync(join(store, file), damages[damage](bytes, randomIntegers(seed)));
    return run();
  }

  test.each(damageNames)('%s: what was prepared is made again, with a line that says so', async (damage) => {
    for (const [seed, file] of filesOf('prepared').entries()) {
      const { text, error, warnings } = await damaged(file, damage, seed);
      const what = `${file}, seed ${seed}`;
      expect.soft({ what, error, text }).toEqual({ what, error: undefined, text: usual });
      for (const line of warnings) expect.soft(line).toMatch(/^\S+ is damaged and is made again: [^\n]+$/);
      // Where the manifest was changed in what nothing depends on, there is nothing to say.
      if (file.endsWith('manifest.json')) continue;
      expect.soft(warnings, what).toHaveLength(1);
      expect.soft(readFileSync(join(store, file)).equals(readFileSync(join(whole, file))), what).toBe(true);
    }
  });

  test.each(damageNames)('%s: of a checkpoint that cannot be fetched again an error says all', async (damage) => {
    for (const [seed, file] of filesOf('checkpoints').entries()) {
      const { text, error, warnings } = await damaged(file, damage, seed);
      const what = `${file}, seed ${seed}`;
      if (error === undefined) {
        expect.soft({ what, text, warnings }).toEqual({ what, text: usual, warnings: [] });
        continue;
      }
      expect.soft(error, what).toBeInstanceOf(Error);
      const { code, message, hint } = error as WhisperNpuError;
      expect.soft({ what, code }).toEqual({ what, code: 'MODEL_DAMAGED' });
      expect.soft(message).toMatch(/^whisper-tiny\.en in the store is damaged \([^\n]+\), and fetching is off$/);
      expect.soft(hint).toContain('whisper-npu pull');
    }
  });
});
