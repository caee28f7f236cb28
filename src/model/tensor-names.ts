import type { ModelDimensions } from './dimensions.ts';

/**
 * The tensors that every Whisper model of these dimensions has, by their Hugging Face names, with their shapes.
 *
 * There is no `k_proj.bias`: Whisper's key projections have none. There is no `proj_out.weight` either: the output
 * projection is `model.decoder.embed_tokens.weight`, whatever else a checkpoint may hold (transformers ties them too).
 */
export function whisperTensors(dimensions: ModelDimensions): Map<string, readonly number[]> {
  const { nMels, nAudioCtx, nAudioState, nAudioLayer, nTextCtx, nTextState, nTextLayer, nVocab } = dimensions;
  const shapes = new Map<string, readonly number[]>();
  const addWeightAndBias = (name: string, shape: readonly number[]) => {
    shapes.set(`${name}.weight`, shape);
    shapes.set(`${name}.bias`, shape.slice(0, 1));
  };
  const addAttention = (name: string, state: number, sourceState: number) => {
    addWeightAndBias(`${name}.q_proj`, [state, state]);
    shapes.set(`${name}.k_proj.weight`, [state, sourceState]);
    addWeightAndBias(`${name}.v_proj`, [state, sourceState]);
    addWeightAndBias(`${name}.out_proj`, [state, state]);
    addWeightAndBias(`${name}_layer_norm`, [state]);
  };
  const addFeedForward = (name: string, state: number) => {
    addWeightAndBias(`${name}.fc1`, [4 * state, state]);
    addWeightAndBias(`${name}.fc2`, [state, 4 * state]);
    addWeightAndBias(`${name}.final_layer_norm`, [state]);
  };

  addWeightAndBias('model.encoder.conv1', [nAudioState, nMels, 3]);
  addWeightAndBias('model.encoder.conv2', [nAudioState, nAudioState, 3]);
  shapes.set('model.encoder.embed_positions.weight', [nAudioCtx, nAudioState]);
  for (let i = 0; i < nAudioLayer; i += 1) {
    addAttention(`model.encoder.layers.${i}.self_attn`, nAudioState, nAudioState);
    addFeedForward(`model.encoder.layers.${i}`, nAudioState);
  }
  addWeightAndBias('model.encoder.layer_norm', [nAudioState]);

  shapes.set('model.decoder.embed_tokens.weight', [nVocab, nTextState]);
  shapes.set('model.decoder.embed_positions.weight', [nTextCtx, nTextState]);
  for (let i = 0; i < nTextLayer; i += 1) {
    addAttention(`model.decoder.layers.${i}.self_attn`, nTextState, nTextState);
    addAttention(`model.decoder.layers.${i}.encoder_attn`, nTextState, nAudioState);
    addFeedForward(`model.decoder.layers.${i}`, nTextState);
  }
  addWeightAndBias('model.decoder.layer_norm', [nTextState]);
  return shapes;
}
