import type { CTranslate2Variables } from './ctranslate2.ts';
import { checkedDimensions, type ModelDimensions } from './dimensions.ts';
import type { TensorEntry } from './tensor.ts';

/** The part of a CTranslate2 variable that is one Hugging Face tensor: of `parts` equal blocks of rows, number `part`. */
interface Source {
  readonly variable: string;
  readonly part: number;
  readonly parts: number;
}

/** Modules of a layer. CTranslate2 stacks the rows of projections that read the same input. */
const layerModules: Readonly<Record<string, Source>> = {
  'self_attn.q_proj': { variable: 'self_attention/linear_0', part: 0, parts: 3 },
  'self_attn.k_proj': { variable: 'self_attention/linear_0', part: 1, parts: 3 },
  'self_attn.v_proj': { variable: 'self_attention/linear_0', part: 2, parts: 3 },
  'self_attn.out_proj': whole('self_attention/linear_1'),
  self_attn_layer_norm: whole('self_attention/layer_norm'),
  'encoder_attn.q_proj': whole('attention/linear_0'),
  'encoder_attn.k_proj': { variable: 'attention/linear_1', part: 0, parts: 2 },
  'encoder_attn.v_proj': { variable: 'attention/linear_1', part: 1, parts: 2 },
  'encoder_attn.out_proj': whole('attention/linear_2'),
  encoder_attn_layer_norm: whole('attention/layer_norm'),
  fc1: whole('ffn/linear_0'),
  fc2: whole('ffn/linear_1'),
  final_layer_norm: whole('ffn/layer_norm'),
};

function whole(variable: string): Source {
  return { variable, part: 0, parts: 1 };
}

/**
 * Finds a tensor by its Hugging Face name. Of fused biases the key's part is never asked for: it is zero, and would
 * change nothing if it were not, since it moves all scores of a query alike.
 *
 * @returns undefined if the model has no such tensor
 */
export function findTensor(variables: CTranslate2Variables, name: string): TensorEntry | undefined {
  const source = sourceOf(name);
  if (source === undefined) return undefined;
  const { variable, part, parts } = source;
  const entry = variables.tensors.get(variable);
  if (entry === undefined) return undefined;
  const [rows = 0, ...rest] = entry.shape;
  if (rows % parts !== 0) return undefined;
  const sizeBytes = entry.sizeBytes / parts;
  return { ...entry, shape: [rows / parts, ...rest], offset: entry.offset + part * sizeBytes, sizeBytes };
}

function sourceOf(name: string): Source | undefined {
  const [, side, layer, module = '', leaf = ''] =
    /^model\.(encoder|decoder)\.(?:layers\.(\d+)\.)?(.+)\.(weight|bias)$/.exec(name) ?? [];
  if (module === 'embed_tokens') return whole(`${side}/embeddings/${leaf}`);
  if (module === 'embed_positions') return whole(`${side}/position_encodings/encodings`);
  const inLayer = layer === undefined ? whole(module) : layerModules[module];
  if (inLayer === undefined) return undefined;
  const folder = layer === undefined ? side : `${side}/layer_${layer}`;
  return { ...inLayer, variable: `${folder}/${inLayer.variable}/${leafName(module, leaf)}` };
}

function leafName(module: string, leaf: string): string {
  if (!module.endsWith('layer_norm')) return leaf;
  return leaf === 'weight' ? 'gamma' : 'beta';
}

/**
 * Reads the dimensions from the tensors' shapes; CTranslate2 stores them nowhere else.
 *
 * @param path names the file in errors
 * @throws ModelError `MODEL_DAMAGED`
 */
export function dimensionsFromVariables(variables: CTranslate2Variables, path: string): ModelDimensions {
  const shape = (name: string) => findTensor(variables, name)?.shape ?? [];
  const [nAudioState, nMels] = shape('model.encoder.conv1.weight');
  const [nAudioCtx] = shape('model.encoder.embed_positions.weight');
  const [nVocab, nTextState] = shape('model.decoder.embed_tokens.weight');
  const [nTextCtx] = shape('model.decoder.embed_positions.weight');
  return checkedDimensions(
    {
      nMels,
      nAudioCtx,
      nAudioState,
      nAudioHead: variables.scalars.get('encoder/num_heads'),
      nAudioLayer: countLayers(variables, 'encoder'),
      nTextCtx,
      nTextState,
      nTextHead: variables.scalars.get('decoder/num_heads'),
      nTextLayer: countLayers(variables, 'decoder'),
      nVocab,
    },
    path,
  );
}

function countLayers(variables: CTranslate2Variables, side: 'encoder' | 'decoder'): number {
  let count = 0;
  while (variables.tensors.has(`${side}/layer_${count}/ffn/linear_0/weight`)) count += 1;
  return count;
}
