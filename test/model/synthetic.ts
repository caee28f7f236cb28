import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { ModelDimensions } from '../../src/model/dimensions.ts';
import { whisperTensors } from '../../src/model/tensor-names.ts';

export const tinyDimensions: ModelDimensions = {
  nMels: 3,
  nAudioCtx: 5,
  nAudioState: 4,
  nAudioHead: 2,
  nAudioLayer: 2,
  nTextCtx: 7,
  nTextState: 4,
  nTextHead: 2,
  nTextLayer: 1,
  nVocab: 11,
};

export interface Tensor {
  readonly shape: readonly number[];
  readonly values: Float32Array;
}

/** All tensors of a model, each with values of its own that f16 and bf16 hold exactly. */
export function syntheticTensors(dimensions = tinyDimensions): Map<string, Tensor> {
  let seed = 0;
  return new Map(
    Array.from(whisperTensors(dimensions), ([name, shape]) => {
      seed += 37;
      const count = shape.reduce((a, b) => a * b, 1);
      return [name, { shape, values: Float32Array.from({ length: count }, (_, i) => (((seed + i) % 255) - 127) / 8) }];
    }),
  );
}

export type FloatType = 'f32' | 'f16' | 'bf16';

/** Values as little-endian bytes of the type; exact for those of {@link syntheticTensors}. */
export function floatBytes(values: Float32Array, type: FloatType): Buffer {
  if (type === 'f32') return Buffer.from(values.slice().buffer);
  const bits = new Uint32Array(values.slice().buffer);
  const halves = type === 'bf16' ? Uint16Array.from(bits, (b) => b >>> 16) : Uint16Array.from(values, halfBits);
  return Buffer.from(halves.buffer);
}

function halfBits(value: number): number {
  if (value === 0) return 0;
  const exponent = Math.floor(Math.log2(Math.abs(value)));
  const mantissa = (Math.abs(value) / 2 ** exponent - 1) * 1024;
  return (value < 0 ? 0x8000 : 0) | ((exponent + 15) << 10) | mantissa;
}

/** A safetensors file from a header object and its data. */
export function safetensorsBytes(header: unknown, data: Uint8Array = Buffer.alloc(0)): Buffer {
  const json = Buffer.from(typeof header === 'string' ? header : JSON.stringify(header));
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(json.length));
  return Buffer.concat([length, json, data]);
}

export function safetensorsOf(tensors: Iterable<readonly [string, Tensor]>, type: FloatType): Buffer {
  const header: Record<string, unknown> = { __metadata__: { format: 'pt' } };
  const parts: Buffer[] = [];
  let end = 0;
  for (const [name, { shape, values }] of tensors) {
    const bytes = floatBytes(values, type);
    header[name] = { dtype: type.toUpperCase(), shape, data_offsets: [end, end + bytes.length] };
    end += bytes.length;
    parts.push(bytes);
  }
  return safetensorsBytes(header, Buffer.concat(parts));
}

export interface Variable {
  readonly name: string;
  readonly shape: readonly number[];
  /** CTranslate2's code: 0 f32, 1 i8, 2 i16, 3 i32, 4 f16, 5 bf16. */
  readonly type: number;
  readonly bytes: Uint8Array;
}

/** A CTranslate2 `model.bin`. */
export function cTranslate2Bytes(
  variables: readonly Variable[],
  {
    version = 6,
    specification = 'WhisperSpec',
    aliases = [['decoder/projection/weight', 'decoder/embeddings/weight']] as [string, string][],
  } = {},
): Buffer {
  return Buffer.concat([
    u32(version),
    string(specification),
    u32(3),
    u32(variables.length),
    ...variables.flatMap(({ name, shape, type, bytes }) => [
      string(name),
      Buffer.from([shape.length]),
      ...shape.map(u32),
      Buffer.from([type]),
      u32(bytes.length),
      bytes,
    ]),
    u32(aliases.length),
    ...aliases.flat().map(string),
  ]);
}

function u32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32LE(value);
  return bytes;
}

function string(text: string): Buffer {
  const bytes = Buffer.from(`${text}\0`);
  const length = Buffer.alloc(2);
  length.writeUInt16LE(bytes.length);
  return Buffer.concat([length, bytes]);
}

/** The variables of a model as CTranslate2's converter writes them: projections of one input in one variable. */
export function cTranslate2Variables(tensors = syntheticTensors(), type: FloatType = 'f16'): Variable[] {
  const variables: Variable[] = [];
  const add = (name: string, names: readonly string[]) => {
    const parts = names.map((part) => {
      const tensor = tensors.get(part);
      // Only a key projection's bias does not exist; the converter puts zeros there.
      return tensor ?? { shape: [tinyDimensions.nTextState], values: new Float32Array(tinyDimensions.nTextState) };
    });
    const rows = parts.reduce((sum, { shape }) => sum + (shape[0] ?? 0), 0);
    const bytes = Buffer.concat(parts.map(({ values }) => floatBytes(values, type)));
    variables.push({
      name,
      shape: [rows, ...parts[0]!.shape.slice(1)],
      type: { f32: 0, f16: 4, bf16: 5 }[type],
      bytes,
    });
  };
  const addLinear = (name: string, modules: readonly string[]) => {
    for (const leaf of ['bias', 'weight'])
      add(
        `${name}/${leaf}`,
        modules.map((module) => `${module}.${leaf}`),
      );
  };
  const addNorm = (name: string, module: string) => {
    add(`${name}/beta`, [`${module}.bias`]);
    add(`${name}/gamma`, [`${module}.weight`]);
  };
  const scalar = (name: string, value: number) =>
    variables.push({ name, shape: [], type: 2, bytes: Uint8Array.of(value, 0) });

  variables.push({ name: 'decoder/activation', shape: [], type: 1, bytes: Uint8Array.of(3) });
  add('decoder/embeddings/weight', ['model.decoder.embed_tokens.weight']);
  for (const side of ['decoder', 'encoder']) {
    const layers = side === 'decoder' ? tinyDimensions.nTextLayer : tinyDimensions.nAudioLayer;
    for (let i = 0; i < layers; i += 1) {
      const [to, from] = [`${side}/layer_${i}`, `model.${side}.layers.${i}`];
      if (side === 'decoder') {
        addNorm(`${to}/attention/layer_norm`, `${from}.encoder_attn_layer_norm`);
        addLinear(`${to}/attention/linear_0`, [`${from}.encoder_attn.q_proj`]);
        addLinear(`${to}/attention/linear_1`, [`${from}.encoder_attn.k_proj`, `${from}.encoder_attn.v_proj`]);
        addLinear(`${to}/attention/linear_2`, [`${from}.encoder_attn.out_proj`]);
      }
      addNorm(`${to}/ffn/layer_norm`, `${from}.final_layer_norm`);
      addLinear(`${to}/ffn/linear_0`, [`${from}.fc1`]);
      addLinear(`${to}/ffn/linear_1`, [`${from}.fc2`]);
      addNorm(`${to}/self_attention/layer_norm`, `${from}.self_attn_layer_norm`);
      addLinear(
        `${to}/self_attention/linear_0`,
        ['q', 'k', 'v'].map((part) => `${from}.self_attn.${part}_proj`),
      );
      addLinear(`${to}/self_attention/linear_1`, [`${from}.self_attn.out_proj`]);
    }
    addNorm(`${side}/layer_norm`, `model.${side}.layer_norm`);
    scalar(`${side}/num_heads`, 2);
    add(`${side}/position_encodings/encodings`, [`model.${side}.embed_positions.weight`]);
  }
  addLinear('encoder/conv1', ['model.encoder.conv1']);
  addLinear('encoder/conv2', ['model.encoder.conv2']);
  return variables;
}

export const huggingFaceConfig = {
  model_type: 'whisper',
  num_mel_bins: tinyDimensions.nMels,
  max_source_positions: tinyDimensions.nAudioCtx,
  d_model: tinyDimensions.nAudioState,
  encoder_attention_heads: tinyDimensions.nAudioHead,
  encoder_layers: tinyDimensions.nAudioLayer,
  max_target_positions: tinyDimensions.nTextCtx,
  decoder_attention_heads: tinyDimensions.nTextHead,
  decoder_layers: tinyDimensions.nTextLayer,
  vocab_size: tinyDimensions.nVocab,
};

/** Writes a folder's files; objects become JSON. */
export function writeFiles(folder: string, files: Readonly<Record<string, unknown>>): string {
  for (const [name, content] of Object.entries(files)) {
    const path = join(folder, name);
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, content instanceof Uint8Array ? content : JSON.stringify(content));
  }
  return folder;
}

let count = 0;

/** A new folder with a Hugging Face checkpoint; `files` replaces or adds some. */
export function huggingFaceFolder(root: string, files: Readonly<Record<string, unknown>> = {}): string {
  count += 1;
  return writeFiles(join(root, `huggingface-${count}`), {
    'config.json': huggingFaceConfig,
    'tokenizer.json': {},
    'model.safetensors': safetensorsOf(syntheticTensors(), 'f32'),
    ...files,
  });
}

/** A new folder with a CTranslate2 checkpoint; `files` replaces or adds some. */
export function cTranslate2Folder(root: string, files: Readonly<Record<string, unknown>> = {}): string {
  count += 1;
  return writeFiles(join(root, `ctranslate2-${count}`), {
    'config.json': {},
    'tokenizer.json': {},
    'model.bin': cTranslate2Bytes(cTranslate2Variables()),
    ...files,
  });
}

/** The error that a promise or a function ends with; fails if it ends well. */
export async function errorOf(work: () => unknown): Promise<unknown> {
  try {
    await work();
  } catch (error) {
    return error;
  }
  throw new Error('expected an error');
}
