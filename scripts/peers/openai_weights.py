"""Our checkpoints as models of openai/whisper, whose own files are published by OpenAI alone."""

import json
import os

import whisper
from safetensors.torch import load_file

RENAMES = [
    ("model.", ""),
    (".layers.", ".blocks."),
    (".self_attn_layer_norm.", ".attn_ln."),
    (".encoder_attn_layer_norm.", ".cross_attn_ln."),
    (".final_layer_norm.", ".mlp_ln."),
    (".self_attn.", ".attn."),
    (".encoder_attn.", ".cross_attn."),
    (".q_proj.", ".query."),
    (".k_proj.", ".key."),
    (".v_proj.", ".value."),
    (".out_proj.", ".out."),
    (".fc1.", ".mlp.0."),
    (".fc2.", ".mlp.2."),
    ("encoder.layer_norm.", "encoder.ln_post."),
    ("decoder.layer_norm.", "decoder.ln."),
    (".embed_positions.weight", ".positional_embedding"),
    (".embed_tokens.", ".token_embedding."),
]


def load(folder):
    """A Hugging Face folder in float32, as scripts/export-safetensors.mjs writes it."""
    with open(os.path.join(folder, "config.json"), encoding="utf8") as file:
        config = json.load(file)
    dims = whisper.model.ModelDimensions(
        n_mels=config["num_mel_bins"],
        n_audio_ctx=config["max_source_positions"],
        n_audio_state=config["d_model"],
        n_audio_head=config["encoder_attention_heads"],
        n_audio_layer=config["encoder_layers"],
        n_vocab=config["vocab_size"],
        n_text_ctx=config["max_target_positions"],
        n_text_state=config["d_model"],
        n_text_head=config["decoder_attention_heads"],
        n_text_layer=config["decoder_layers"],
    )
    state = {}
    for name, tensor in load_file(os.path.join(folder, "model.safetensors")).items():
        for old, new in RENAMES:
            name = name.replace(old, new)
        state[name] = tensor
    loaded = whisper.model.Whisper(dims)
    loaded.load_state_dict(state)
    return loaded.eval()
