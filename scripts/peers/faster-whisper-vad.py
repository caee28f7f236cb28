"""The speech that faster-whisper finds in a recording, as JSON: {"bundled": path, "spans": [[start, end] in samples]}.

Usage: python faster-whisper-vad.py RECORDING bundled|MODEL default|batched
"""
import json
import os
import sys

import faster_whisper.vad as vad
from faster_whisper.audio import decode_audio
from faster_whisper.utils import get_assets_path

recording, model, rules = sys.argv[1:4]
bundled = os.path.join(get_assets_path(), "silero_vad_v6.onnx")
detector = vad.SileroVADModel(bundled if model == "bundled" else model)
vad.get_vad_model = lambda: detector
batched = vad.VadOptions(max_speech_duration_s=30, min_silence_duration_ms=160)
spans = vad.get_speech_timestamps(decode_audio(recording), batched if rules == "batched" else vad.VadOptions())
print(json.dumps({"bundled": bundled, "spans": [[span["start"], span["end"]] for span in spans]}))
