"""openai/whisper behind one line of JSON per request: any line in, {"seconds", "text"} out. Reads a Hugging Face folder."""

import json
import sys
import time

try:
    import numpy
    import openai_weights
    import torch
    import whisper
except ImportError as error:
    print(json.dumps({"absent": str(error)}), flush=True)
    sys.exit()

model_path, samples_path, language, threads, is_long, tokens = sys.argv[1:7]
torch.set_num_threads(int(threads))

model = openai_weights.load(model_path)
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
