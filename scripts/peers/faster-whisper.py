"""faster-whisper behind one line of JSON per request: any line in, {"seconds", "text"} out."""

import json
import sys
import time

try:
    import faster_whisper
    import numpy
except ImportError as error:
    print(json.dumps({"absent": str(error)}), flush=True)
    sys.exit()

model_path, samples_path, language, threads, compute_type, is_long = sys.argv[1:7]
model = faster_whisper.WhisperModel(model_path, device="cpu", compute_type=compute_type, cpu_threads=int(threads))
audio = numpy.fromfile(samples_path, dtype="<f4")
print(json.dumps({"label": f"faster-whisper {faster_whisper.__version__} {compute_type}"}), flush=True)
for _ in sys.stdin:
    started = time.perf_counter()
    segments, _info = model.transcribe(
        audio,
        language=language,
        beam_size=1,
        temperature=0,
        without_timestamps=is_long != "true",
        condition_on_previous_text=False,
    )
    text = "".join(segment.text for segment in segments)
    print(json.dumps({"seconds": time.perf_counter() - started, "text": text}), flush=True)
