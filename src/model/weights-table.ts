import { join } from 'node:path';
import * as v from 'valibot';
import { ModelError } from '../errors.ts';
import { readStoredJson } from './stored-json.ts';

const count = v.pipe(v.number(), v.safeInteger(), v.minValue(0));

const weightsTable = v.object({
  tensors: v.array(v.object({ name: v.string(), offset: count, sizeBytes: count })),
  /** The decoder's heads that follow the audio's time: layer and head. */
  alignmentHeads: v.pipe(v.array(v.pipe(v.tuple([count, count]), v.readonly())), v.readonly()),
});

/** What a program that reads a prepared weights file by itself has to know of it. */
export type WeightsTable = v.InferOutput<typeof weightsTable>;

/** The weights file's name beside the graphs: atc reads external data from the graph's own folder. */
export const weightsFile = 'weights.bin';

/** The name of the table beside it. */
export const tableFile = 'weights.json';

/** What the table's file holds. */
export function tableText(table: WeightsTable): string {
  return JSON.stringify(table);
}

/** @throws ModelError 'MODEL_DAMAGED' */
export async function readWeightsTable(directory: string): Promise<WeightsTable> {
  const path = join(directory, tableFile);
  const read = await readStoredJson(path, weightsTable);
  if ('value' in read) return read.value;
  throw new ModelError('MODEL_DAMAGED', `${path} ${read.problem}`, {
    hint: 'Remove the folder and run the command again to prepare the model anew.',
  });
}
