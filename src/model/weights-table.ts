import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

/** What a program that reads a prepared weights file by itself has to know of it. */
export interface WeightsTable {
  readonly tensors: readonly WeightPlace[];
  /** The decoder's heads that follow the audio's time. */
  readonly alignmentHeads: readonly (readonly [layer: number, head: number])[];
}

export interface WeightPlace {
  readonly name: string;
  readonly offset: number;
  readonly sizeBytes: number;
}

/** The weights file's name beside the graphs: ONNX Runtime and atc read external data from the graph's own folder. */
export const weightsFile = 'weights.bin';

const tableFile = 'weights.json';

export async function writeWeightsTable(directory: string, table: WeightsTable): Promise<void> {
  await writeFile(join(directory, tableFile), JSON.stringify(table));
}

export async function readWeightsTable(directory: string): Promise<WeightsTable> {
  return JSON.parse(await readFile(join(directory, tableFile), 'utf8')) as WeightsTable;
}
