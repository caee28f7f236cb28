"""transformers with PyTorch behind one line of JSON per request: any line in, {"seconds", "text"} out."""

import json
import os
import sys
import time

sys.path.pop(0)  # this folder, whose file would be found instead of the package
try:
    import numpy
    import tokenizers
    import torch
    import transformers
except ImportError as error:
    print(json.dumps({"absent": str(error)}), flush=True)
    sys.exit()

model_path, samples_path, language, threads, is_long, tokens = sys.argv[1:7]
torch.set_num_threads(int(threads))
model = transformers.WhisperForConditionalGeneration.from_pretrained(model_path, dtype=torch.float32).eval()
extractor = transformers.WhisperFeatureExtractor.from_pretrained(model_path)
tokenizer = tokenizers.Tokenizer.from_file(os.path.join(model_path, "tokenizer.json"))
audio = numpy.fromfile(samples_path, dtype="<f4")
prompt = {"language": language, "task": "transcribe"} if model.generation_config.is_multilingual else {}
# A spectrogram of more than 30 s makes it go from window to window.
whole = {"truncation": False, "padding": "longest", "return_attention_mask": True} if is_long == "true" else {}
length = {} if tokens == "0" else {"min_new_tokens": int(tokens), "max_new_tokens": int(tokens)}
print(json.dumps({"label": f"transformers {transformers.__version__}, PyTorch {torch.__version__} f32"}), flush=True)
for _ in sys.stdin:
    started = time.perf_counter()
    inputs = extractor(audio, sampling_rate=16000, return_tensors="pt", **whole)
    with torch.inference_mode():
        ids = model.generate(**inputs, do_sample=False, num_beams=1, return_timestamps=bool(whole), **prompt, **length)
    text = tokenizer.decode(ids[0].tolist(), skip_special_tokens=True)
    print(json.dumps({"seconds": time.perf_counter() - started, "text": text}), flush=True)
