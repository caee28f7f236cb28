import { resolveModel } from '../../src/model/resolve-model.ts';
import { storeDirectory } from '../../src/model/store.ts';

const wanted = { WHISPER_NPU_TEST_BASE: 'whisper-base', WHISPER_NPU_TEST_TINY_EN: 'whisper-tiny.en' } as const;

/**
 * Puts the models that tests want into the user's store (vitest's globalSetup) and tells test/support/models.ts where
 * they are. Without a network the tests that need them are skipped; under CI their absence is an error.
 */
export async function setup(): Promise<void> {
  const { env } = process;
  for (const [variable, name] of Object.entries(wanted)) {
    if (env[variable] !== undefined) continue;
    try {
      env[variable] = (await resolveModel(name, { storeDirectory: storeDirectory(env), env })).directory;
    } catch (error) {
      if (env['CI'] !== undefined) throw error;
      console.warn(`no ${name}, so the tests that need it are skipped: ${String(error)}`);
    }
  }
}
