import { copyFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { ModelDimensions } from '../../src/model/dimensions.ts';
import { writeRandomCheckpoint } from './random-checkpoint.ts';

/** Of a model that takes real audio and real text, computes in milliseconds, and has sizes that fit the CPU engine's vectors. */
export const smallEnglishDimensions: ModelDimensions = {
  nMels: 80,
  nAudioCtx: 1500,
  nAudioState: 64,
  nAudioHead: 2,
  nAudioLayer: 1,
  nTextCtx: 448,
  nTextState: 64,
  nTextHead: 2,
  nTextLayer: 1,
  nVocab: 51864,
};

/** Writes such a model, with random weights and a real tokenizer. @param tinyEn a folder of whisper-tiny.en */
export async function writeSmallEnglishModel(directory: string, tinyEn: string): Promise<void> {
  await writeRandomCheckpoint(directory, { dimensions: smallEnglishDimensions, dtype: 'f16' });
  await copyFile(join(tinyEn, 'tokenizer.json'), join(directory, 'tokenizer.json'));
}
