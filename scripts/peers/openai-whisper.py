"""openai/whisper behind one line of JSON per request: any line in, {"seconds", "text"} out. Reads a Hugging Face folder."""

import json
import os
import sys
import time

try:
    import numpy
    import torch
    import whisper
    from safetensors.torch import load_file
except ImportError as error:
    print(json.dumps({"absent": str(error)}), flush=True)
    sys.exit()

model_path, samples_path, language, threads, is_long, tokens = sys.argv[1:7]
torch.set_num_threads(int(threads))

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


model = load(model_path)
audio = numpy.fromfile(samples_path, dtype="<f4")


def whole_text():
    result = model.transcribe(
        audio,
        language=language,
        temperature=0,
        without_timestamps=is_long != "true",
        condition_on_previous_text=False,
        fp16=False,
    )
    return result["text"]


def few_tokens():
    mel = whisper.pad_or_trim(whisper.log_mel_spectrogram(audio, model.dims.n_mels), 3000)
    eot = whisper.tokenizer.get_tokenizer(model.is_multilingual, num_languages=model.num_languages).eot
    options = whisper.DecodingOptions(
        language=language,
        temperature=0,
        without_timestamps=True,
        sample_len=int(tokens),
        suppress_tokens=f"-1,{eot}",
        fp16=False,
    )
    result = whisper.decode(model, mel, options)
    assert len(result.tokens) == int(tokens), f"{len(result.tokens)} tokens, not {tokens}"
    return result.text


print(json.dumps({"label": f"openai-whisper {whisper.__version__} f32"}), flush=True)
for _ in sys.stdin:
    started = time.perf_counter()
    text = whole_text() if tokens == "0" else few_tokens()
    print(json.dumps({"seconds": time.perf_counter() - started, "text": text}), flush=True)
