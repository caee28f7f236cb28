import { existsSync } from 'node:fs';

function folder(variable: string): string | undefined {
  const path = process.env[variable];
  return path !== undefined && existsSync(path) ? path : undefined;
}

/** Folders of real models, as CTranslate2 converts them; tests that need one skip without. */
export const models: { readonly base?: string | undefined; readonly tinyEn?: string | undefined } = {
  base: folder('WHISPER_NPU_TEST_BASE'),
  tinyEn: folder('WHISPER_NPU_TEST_TINY_EN'),
};
