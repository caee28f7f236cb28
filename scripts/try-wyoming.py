"""Transcribes a WAV file through `whisper-npu serve --wyoming`, with the client library that Home Assistant uses.

    python3 -m venv venv && venv/bin/pip install wyoming
    whisper-npu serve --wyoming 10300 &
    venv/bin/python scripts/try-wyoming.py tcp://127.0.0.1:10300 samples/espeak-en-16k.wav
"""

import asyncio
import sys
import wave

from wyoming.asr import Transcribe, Transcript
from wyoming.audio import AudioStop, wav_to_chunks
from wyoming.client import AsyncClient
from wyoming.info import Describe, Info


async def main(uri: str, path: str) -> None:
    async with AsyncClient.from_uri(uri) as client:
        await client.write_event(Describe().event())
        info = Info.from_event(await client.read_event())
        for program in info.asr:
            for model in program.models:
                print(f"{program.name} {program.version}: {model.name}, {len(model.languages)} languages")

        await client.write_event(Transcribe(language="en").event())
        with wave.open(path, "rb") as recording:
            for chunk in wav_to_chunks(recording, samples_per_chunk=1024, start_event=True):
                await client.write_event(chunk.event())
        await client.write_event(AudioStop().event())
        event = await client.read_event()
        if event is None or not Transcript.is_type(event.type):
            sys.exit(f"no transcript but {event}")
        transcript = Transcript.from_event(event)
        print(f"{transcript.language}: {transcript.text}")


asyncio.run(main(*sys.argv[1:]))
