import { existsSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { ModelError } from '../errors.ts';
import { type CheckpointFormat, inspectFolder } from './checkpoint-files.ts';
import { readCTranslate2 } from './ctranslate2.ts';
import { dimensionsFromVariables, findTensor } from './ctranslate2-names.ts';
import { dimensionsFromConfig, type ModelDimensions } from './dimensions.ts';
import { cTranslate2Fields, type GenerationConfig, generationConfig, huggingFaceFields } from './generation.ts';
import { damaged, readJsonObject } from './model-files.ts';
import { readSafetensors, readShardedSafetensors } from './safetensors.ts';
import type { TensorEntry } from './tensor.ts';
import { whisperTensors } from './tensor-names.ts';

/** A model as published: what it is, and where each of its tensors lies. */
export interface Checkpoint {
  /** Absolute path. */
  readonly directory: string;
  readonly format: CheckpointFormat;
  readonly dimensions: ModelDimensions;
  readonly generation: GenerationConfig;
  /** Exactly the tensors of `whisperTensors(dimensions)`, in its order, each f32, f16 or bf16. */
  readonly tensors: ReadonlyMap<string, TensorEntry>;
}

/** What a format's reader finds, before the tensors are checked. */
interface Found {
  readonly weights: string;
  readonly dimensions: ModelDimensions;
  readonly generation: GenerationConfig;
  find(name: string): TensorEntry | undefined;
}

/**
 * Opens a Hugging Face folder (safetensors, one file or several) or a CTranslate2 folder. Reads headers, no weights.
 *
 * @throws ModelError `MODEL_NOT_FOUND` if the folder holds no model, `MODEL_DAMAGED` if files contradict each other or
 *   lack tensors, `MODEL_UNSUPPORTED` if it is quantised or no Whisper, `MODEL_UNREADABLE`
 */
export async function openCheckpoint(directory: string): Promise<Checkpoint> {
  const folder = resolve(directory);
  const inspection = await inspectFolder(folder);
  if ('problem' in inspection) throw new ModelError('MODEL_NOT_FOUND', `${folder} ${inspection.problem}`);
  const { format } = inspection;
  const found = format === 'huggingface' ? await openHuggingFace(folder) : await openCTranslate2(folder);
  const { dimensions, generation } = found;
  return { directory: folder, format, dimensions, generation, tensors: collectTensors(found) };
}

async function openHuggingFace(folder: string): Promise<Found> {
  const configPath = join(folder, 'config.json');
  const config = await readJsonObject(configPath);
  const dimensions = dimensionsFromConfig(config, configPath);

  // Revisions of before 2023 keep the decoding fields in config.json and have no other file.
  const generationPath = join(folder, 'generation_config.json');
  const generation = existsSync(generationPath)
    ? generationConfig(await readJsonObject(generationPath), huggingFaceFields, dimensions, generationPath)
    : generationConfig(config, huggingFaceFields, dimensions, configPath);

  const single = join(folder, 'model.safetensors');
  const weights = existsSync(single) ? single : join(folder, 'model.safetensors.index.json');
  const tensors = weights === single ? await readSafetensors(single) : await readShardedSafetensors(weights);
  // Some exports save the inner model, whose names lack the prefix.
  const find = (name: string) => tensors.get(name) ?? tensors.get(name.replace(/^model\./, ''));
  return { weights, dimensions, generation, find };
}

async function openCTranslate2(folder: string): Promise<Found> {
  const weights = join(folder, 'model.bin');
  const variables = readCTranslate2(weights);
  const dimensions = dimensionsFromVariables(variables, weights);
  const configPath = join(folder, 'config.json');
  const generation = generationConfig(await readJsonObject(configPath), cTranslate2Fields, dimensions, configPath);
  return { weights, dimensions, generation, find: (name) => findTensor(variables, name) };
}

/** Takes the tensors that the model needs, and nothing else a file may hold. */
function collectTensors({ weights, dimensions, find }: Found): Map<string, TensorEntry> {
  const tensors = new Map<string, TensorEntry>();
  const faults: string[] = [];
  for (const [name, shape] of whisperTensors(dimensions)) {
    const entry = find(name);
    if (entry === undefined) {
      faults.push(`${name} is missing`);
      continue;
    }
    if (entry.dtype.startsWith('i'))
      throw new ModelError('MODEL_UNSUPPORTED', `${weights}: quantised checkpoint (${name} is ${entry.dtype})`, {
        hint: 'use the float16 one',
      });
    if (entry.shape.join() !== shape.join()) faults.push(`${name} is [${entry.shape}], expected [${shape}]`);
    tensors.set(name, entry);
  }
  if (faults.length > 0) throw damaged(weights, summary(faults));
  return tensors;
}

function summary(faults: readonly string[]): string {
  const shown = faults.slice(0, 5).join('; ');
  return faults.length > 5 ? `${shown}; and ${faults.length - 5} more` : shown;
}
