"""Asks a server of ours with OpenAI's client for Python, as it is, and ends with 1 where an answer is not as expected.

    python3 -m venv venv && venv/bin/pip install openai==3.57.0
    whisper-npu serve --model whisper-base & venv/bin/python scripts/try-openai-python.py [ADDRESS]
"""

import sys

import openai

url = sys.argv[1] if len(sys.argv) > 1 else "http://127.0.0.1:8000"
client = openai.OpenAI(base_url=f"{url}/v1", api_key="none", max_retries=0)
sample = "samples/espeak-en-16k.wav"


def ask(**more):
    with open(sample, "rb") as file:
        return client.audio.transcriptions.create(file=file, model="whisper-1", **more)


def check(name, is_right, seen):
    print(f"{'ok  ' if is_right else 'WRONG'} {name}: {str(seen)[:100]!r}")
    if not is_right:
        check.failed = True


check.failed = False
text = ask().text
check("json", "processing unit" in text.lower(), text)
check("text", ask(response_format="text").strip() == text, "the same")
srt = ask(response_format="srt")
check("srt", srt.startswith("1\n00:00:00,000 --> "), srt)
vtt = ask(response_format="vtt")
check("vtt", vtt.startswith("WEBVTT\n\n"), vtt)
verbose = ask(response_format="verbose_json", timestamp_granularities=["word", "segment"])
check("verbose_json", verbose.words[0].start >= 0 and verbose.segments[0].id == 0, verbose.words[0])
check("usage", verbose.usage.seconds == 6, verbose.usage)
logprobs = ask(include=["logprobs"]).logprobs
check("logprobs", logprobs[0].logprob <= 0, logprobs[0])
check("options of ours", ask(extra_body={"beam_size": 2, "vad": True}).text != "", "beam_size, vad")
events = list(ask(stream=True))
said = "".join(event.delta for event in events if event.type == "transcript.text.delta")
check("stream", events[-1].type == "transcript.text.done" and events[-1].text == said, said)
check("keywords", "Speech" in ask(extra_body={"keywords": ["Speech Recognition", "NPU"]}).text, "two of them")


def translate(**more):
    with open(sample, "rb") as file:
        return client.audio.translations.create(file=file, model="whisper-1", **more)


if client.models.list().data[0].id.endswith(".en"):
    print("left  translations: they need a multilingual model, such as whisper-base")
else:
    translation = translate(prompt="A talk about computers.", temperature=0).text
    check("translations", "processing unit" in translation.lower(), translation)
    check("translations as text", "processing unit" in translate(response_format="text").lower(), "a text")
    check("translations as srt", translate(response_format="srt").startswith("1\n00:00:00,000 --> "), "an srt")
    check("translations as vtt", translate(response_format="vtt").startswith("WEBVTT\n\n"), "a vtt")
    translation = translate(response_format="verbose_json")
    check("translations as verbose_json", translation.language == "english" and translation.segments[0].id == 0, translation)
check("models", len(client.models.list().data) > 0, client.models.list().data[0].id)
for name, kind, more in [
    ("a wrong field", openai.BadRequestError, {"language": "klingon"}),
    ("a wrong format", openai.BadRequestError, {"response_format": "diarized_json"}),
    ("a model that there is not", openai.NotFoundError, {"extra_body": {"model": "nothing"}}),
]:
    try:
        check(name, False, ask(**more))
    except kind as error:
        check(name, error.param is not None and error.request_id.startswith("req_"), error)
sys.exit(1 if check.failed else 0)
