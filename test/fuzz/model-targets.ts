import { createHash } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { findPrepared } from '../../src/convert/prepared-folder.ts';
import { openCheckpoint } from '../../src/model/checkpoint.ts';
import { readCTranslate2 } from '../../src/model/ctranslate2.ts';
import { findTensor } from '../../src/model/ctranslate2-names.ts';
import { readZipEntry, zipEntries } from '../../src/model/fetch/zip.ts';
import { readSafetensors } from '../../src/model/safetensors.ts';
import { checkpointDirectory, listModels, preparedDirectory } from '../../src/model/store.ts';
import { readTensor, type TensorEntry } from '../../src/model/tensor.ts';
import { whisperTensors } from '../../src/model/tensor-names.ts';
import { openTokenizer } from '../../src/model/tokenizer.ts';
import { readVocabulary } from '../../src/model/vocabulary.ts';
import { readWeightsTable } from '../../src/model/weights-table.ts';
import { zip } from '../model/fetch/wheel.ts';
import {
  cTranslate2Bytes,
  cTranslate2Variables,
  floatBytes,
  huggingFaceConfig,
  safetensorsBytes,
  safetensorsOf,
  syntheticTensors,
  tinyDimensions,
  writeFiles,
} from '../model/synthetic.ts';
import { damaged, damagedJson, damagedJsonBytes } from './damage.ts';
import type { Draw } from './draw.ts';
import type { Target } from './target.ts';

const tensors = syntheticTensors();
const variables = cTranslate2Variables(tensors);

function file(folder: string, name: string, bytes: Uint8Array): string {
  const path = join(folder, name);
  writeFileSync(path, bytes);
  return path;
}

async function readTensors(entries: Iterable<TensorEntry>): Promise<void> {
  for (const entry of entries) await readTensor(entry);
}

const safetensorsHeader: Record<string, unknown> = { __metadata__: { format: 'pt' } };
let safetensorsEnd = 0;
for (const [name, { shape, values }] of tensors) {
  const { length } = floatBytes(values, 'f32');
  safetensorsHeader[name] = { dtype: 'F32', shape, data_offsets: [safetensorsEnd, safetensorsEnd + length] };
  safetensorsEnd += length;
}
const safetensorsData = Buffer.alloc(safetensorsEnd, 1);

const safetensors: Target = {
  name: 'safetensors',
  cost: 'cheap',
  make(draw) {
    const bytes = safetensorsBytes(damagedJson(safetensorsHeader, draw), safetensorsData);
    return draw.chance(0.2) ? damaged(bytes, draw) : bytes;
  },
  async read(bytes, folder) {
    await readTensors((await readSafetensors(file(folder, 'model.safetensors', bytes))).values());
  },
};

const modelBin: Target = {
  name: 'model.bin',
  cost: 'cheap',
  make(draw) {
    const changed = variables.map((variable) => (draw.chance(0.02) ? changedVariable(variable, draw) : variable));
    if (draw.chance(0.05)) changed.splice(draw.below(changed.length), 1);
    if (draw.chance(0.2)) changed.push(draw.pick(changed));
    const name = () => draw.pick([draw.pick(variables).name, '', 'x', '\u001b[31m']);
    const bytes = cTranslate2Bytes(changed, {
      ...(draw.chance(0.05) ? { version: draw.oddNumber(32) } : {}),
      ...(draw.chance(0.05) ? { specification: name() } : {}),
      ...(draw.chance(0.3) ? { aliases: Array.from({ length: draw.below(4) }, () => [name(), name()]) } : {}),
    });
    return draw.chance(0.3) ? damaged(bytes, draw) : bytes;
  },
  async read(bytes, folder) {
    writeFiles(folder, { 'config.json': {}, 'tokenizer.json': {}, 'model.bin': bytes });
    const found = readCTranslate2(join(folder, 'model.bin'));
    for (const name of whisperTensors(tinyDimensions).keys()) {
      const entry = findTensor(found, name);
      if (entry !== undefined) await readTensor(entry);
    }
    await readTensors((await openCheckpoint(folder)).tensors.values());
  },
};

function changedVariable(
  { name, shape, type, bytes }: (typeof variables)[number],
  draw: Draw,
): (typeof variables)[number] {
  switch (draw.below(5)) {
    case 0:
      return { name: draw.pick([`${name}x`, '', draw.pick(variables).name]), shape, type, bytes };
    case 1:
      return { name, shape: [...shape.slice(1), draw.oddNumber(32)], type, bytes };
    case 2:
      return { name, shape: Array.from({ length: draw.below(9) }, () => draw.oddNumber(16)), type, bytes };
    case 3:
      return { name, shape, type: draw.oddNumber(8), bytes };
    default:
      return { name, shape, type, bytes: bytes.subarray(0, draw.below(bytes.length + 1)) };
  }
}

/** JSON of several files, each under its name. */
interface Folder {
  readonly files: Readonly<Record<string, string>>;
}

const asBytes = (folder: Folder) => Buffer.from(JSON.stringify(folder));
const asFolder = (bytes: Uint8Array) => JSON.parse(Buffer.from(bytes).toString()) as Folder;
const jsonText = (value: unknown, draw: Draw) => damagedJsonBytes(value, draw).toString('latin1');

const generation = {
  suppress_tokens: [1, 2, 3],
  begin_suppress_tokens: [4, 10],
  alignment_heads: [[0, 1]],
  max_length: 7,
};
const configs: Target = {
  name: 'configs',
  cost: 'cheap',
  make(draw) {
    const isLate = draw.chance(0.5);
    const config = isLate ? JSON.stringify(huggingFaceConfig) : jsonText(huggingFaceConfig, draw);
    return asBytes({ files: { 'config.json': config, 'generation_config.json': jsonText(generation, draw) } });
  },
  async read(bytes, folder) {
    const weights = safetensorsOf(tensors, 'f32');
    writeFiles(folder, { 'tokenizer.json': {}, 'model.safetensors': weights });
    for (const [name, text] of Object.entries(asFolder(bytes).files)) file(folder, name, Buffer.from(text, 'latin1'));
    await openCheckpoint(folder);
  },
};

const indexes: Target = {
  name: 'index',
  cost: 'cheap',
  make: (draw) =>
    damagedJsonBytes(
      {
        metadata: { total_size: 1 },
        weight_map: Object.fromEntries(
          [...tensors.keys()].map((name, i) => [name, `model-0000${1 + (i % 2)}-of-00002.safetensors`]),
        ),
      },
      draw,
    ),
  async read(bytes, folder) {
    const names = [...tensors];
    const part = (rest: number) =>
      safetensorsOf(
        names.filter((_, i) => i % 2 === rest),
        'f16',
      );
    writeFiles(folder, {
      'config.json': huggingFaceConfig,
      'tokenizer.json': {},
      'model-00001-of-00002.safetensors': part(0),
      'model-00002-of-00002.safetensors': part(1),
    });
    file(folder, 'model.safetensors.index.json', bytes);
    await readTensors((await openCheckpoint(folder)).tensors.values());
  },
};

const smallTokenizer = {
  version: '1.0',
  added_tokens: [
    { id: 4, content: '<|endoftext|>', special: true },
    { id: 5, content: '<|startoftranscript|>', special: true },
  ],
  normalizer: null,
  pre_tokenizer: { type: 'ByteLevel' },
  model: { type: 'BPE', vocab: { '!': 0, '"': 1, Ġa: 2, '\\u0041': 3 }, merges: ['Ġ a'] },
};

/** A whole vocabulary, as whisper-tiny.en has one: 51,864 tokens. */
function largeTokenizer(): typeof smallTokenizer {
  const vocab: Record<string, number> = {};
  for (let token = 0; token < 50_256; token++)
    vocab[token < 94 ? String.fromCharCode(33 + token) : `x${token}`] = token;
  const names = ['<|endoftext|>', '<|startoftranscript|>', '<|en|>'].map((content, i) => ({
    id: 50_256 + i,
    content,
    special: true,
  }));
  const late = ['<|nocaptions|>', '<|notimestamps|>'].map((content, i) => ({ id: 50_361 + i, content, special: true }));
  return {
    ...smallTokenizer,
    added_tokens: [...names, ...late],
    model: { type: 'BPE', vocab, merges: ['! !'] } as never,
  };
}
const large = largeTokenizer();

const tokenizer: Target = {
  name: 'tokenizer',
  cost: 'cheap',
  make(draw) {
    if (draw.chance(0.97)) return damagedJsonBytes(smallTokenizer, draw);
    const { vocab, ...model } = large.model;
    // Whatever damage has made of it, null and numbers too: these have no members.
    const rest = { ...(damagedJson({ ...large, model }, draw) as Record<string, unknown> | null) };
    const place = typeof rest['model'] === 'object' && rest['model'] !== null ? rest['model'] : {};
    const bytes = Buffer.from(JSON.stringify({ ...rest, model: { ...place, vocab } }));
    return draw.chance(0.5) ? damaged(bytes, draw) : bytes;
  },
  async read(bytes, folder) {
    const path = file(folder, 'tokenizer.json', bytes);
    if (bytes.length < 100_000) {
      readVocabulary(Buffer.from(bytes).toString(), path);
      return;
    }
    const { encode, decode } = await openTokenizer(folder, 51_864);
    decode(encode(' Hello, Grüße!'));
    decode(Array.from({ length: 2000 }, (_, i) => i * 26));
  },
};

const whole = { 'config.json': Buffer.from('{}'), 'model.safetensors': safetensorsOf(tensors, 'f16') };
const sealed = (bytes: Buffer) => ({
  sizeBytes: bytes.length,
  sha256: createHash('sha256').update(bytes).digest('hex'),
});
const checkpointManifest = {
  version: 1,
  format: 'huggingface',
  source: 'a hub',
  files: Object.entries({ ...whole, 'tokenizer.json': whole['config.json'] }).map(([name, bytes]) => {
    return { name, ...sealed(bytes) };
  }),
};
const preparedManifest = {
  source: 'abc',
  dtype: 'f32',
  files: { 'weights.bin': sealed(whole['config.json']) },
  target: { soc: 'x' },
};
const weightsTable = { tensors: [{ name: 'a', offset: 0, sizeBytes: 4 }], alignmentHeads: [[0, 1]] };

const manifests: Target = {
  name: 'manifests',
  cost: 'cheap',
  make: (draw) =>
    asBytes({
      files: {
        'checkpoints/m/manifest.json': jsonText(checkpointManifest, draw),
        'prepared/m/p/manifest.json': jsonText(preparedManifest, draw),
        'prepared/m/p/weights.json': jsonText(weightsTable, draw),
      },
    }),
  async read(bytes, folder) {
    const prepared = join(preparedDirectory(folder, 'm'), 'p');
    writeFiles(checkpointDirectory(folder, 'm'), { ...whole, 'tokenizer.json': whole['config.json'] });
    writeFiles(prepared, { 'weights.bin': whole['config.json'] });
    for (const [name, text] of Object.entries(asFolder(bytes).files)) file(folder, name, Buffer.from(text, 'latin1'));
    await listModels(folder);
    await findPrepared({ store: folder, model: 'm' }, { name: 'p', files: ['weights.bin'] });
    await readWeightsTable(prepared);
  },
};

const packed = { 'a/one': Buffer.alloc(3000, 'one '), 'a/two': Buffer.alloc(500, 7), 'a/empty': Buffer.alloc(0) };

/** Offsets of the fields of an entry in the directory, and in its own header. */
const zipFields = {
  33639248: [8, 10, 16, 20, 24, 28, 30, 32, 42],
  67324752: [6, 8, 14, 18, 22, 26, 28],
  101010256: [8, 10, 12, 16, 20],
};

const zips: Target = {
  name: 'zip',
  cost: 'cheap',
  make(draw) {
    const bytes = zip(packed, draw.pick(['deflated', 'stored'] as const));
    for (let left = 1 + draw.below(3); left > 0; left--) {
      const [signature, fields] = draw.pick(Object.entries(zipFields));
      const places: number[] = [];
      const mark = Buffer.alloc(4);
      mark.writeUInt32LE(Number(signature));
      for (let at = bytes.indexOf(mark); at >= 0; at = bytes.indexOf(mark, at + 1)) places.push(at);
      if (places.length === 0) continue;
      const at = draw.pick(places) + draw.pick(fields);
      if (at + 4 <= bytes.length)
        draw.chance(0.5) ? bytes.writeUInt16LE(draw.oddNumber(16), at) : bytes.writeUInt32LE(draw.oddNumber(32), at);
    }
    return draw.chance(0.3) ? damaged(bytes, draw) : bytes;
  },
  async read(bytes, folder) {
    const path = file(folder, 'a.whl', bytes);
    for (const entry of (await zipEntries(path)).values()) for await (const _ of readZipEntry(path, entry));
  },
};

export const modelTargets: readonly Target[] = [safetensors, modelBin, configs, indexes, tokenizer, manifests, zips];
