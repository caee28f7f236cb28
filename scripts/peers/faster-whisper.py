"""faster-whisper behind one line of JSON per request: any line in, {"seconds", "text"} out."""

import json
import sys
import time

try:
    import faster_whisper
    import numpy
    from faster_whisper.audio import pad_or_trim
    from faster_whisper.tokenizer import Tokenizer
    from faster_whisper.transcribe import get_suppressed_tokens
except ImportError as error:
    print(json.dumps({"absent": str(error)}), flush=True)
    sys.exit()

model_path, samples_path, language, threads, compute_type, is_long, tokens = sys.argv[1:8]
model = faster_whisper.WhisperModel(model_path, device="cpu", compute_type=compute_type, cpu_threads=int(threads))
audio = numpy.fromfile(samples_path, dtype="<f4")


def whole_text():
    segments, _info = model.transcribe(
        audio,
        language=language,
        beam_size=1,
        temperature=0,
        without_timestamps=is_long != "true",
        condition_on_previous_text=False,
    )
    return "".join(segment.text for segment in segments)


def few_tokens():
    tokenizer = Tokenizer(model.hf_tokenizer, model.model.is_multilingual, task="transcribe", language=language)
    prompt = model.get_prompt(tokenizer, [], without_timestamps=True)
    [result] = model.model.generate(
        model.encode(pad_or_trim(model.feature_extractor(audio))),
        [prompt],
        beam_size=1,
        max_length=2 * int(tokens),  # CTranslate2 gives the text half of it
        suppress_tokens=[*get_suppressed_tokens(tokenizer, [-1]), tokenizer.eot],
    )
    [ids] = result.sequences_ids
    assert len(ids) == int(tokens), f"{len(ids)} tokens, not {tokens}"
    return tokenizer.decode(ids)


print(json.dumps({"label": f"faster-whisper {faster_whisper.__version__} {compute_type}"}), flush=True)
for _ in sys.stdin:
    started = time.perf_counter()
    text = whole_text() if tokens == "0" else few_tokens()
    print(json.dumps({"seconds": time.perf_counter() - started, "text": text}), flush=True)
