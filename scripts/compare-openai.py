"""The built program held against openai/whisper with the same weights, in float32: segments, tokens and times, with beams 1 and 5.

    npm run build && npm run build:native
    pip install openai-whisper safetensors      # any torch will do, the CPU is enough
    python3 scripts/compare-openai.py ../shared/audio ../shared/cases/beam5-ex7_de-30s.wav

Ends with 1 where something differs: a segment's tokens or times, or a word's times, of which 95 % are to be within 0.02 s and all
within 0.1 s. Where ours leaves openai's way on purpose (blank segments, times behind the recording's end), openai's result is put
right first. Decisions of openai's where two scores differ by next to nothing are listed with their gaps: there the order in
which floats are added may decide, and a clip that differs with such a tie in it counts as a tie and not as a difference.

openai's half takes by far the longer. With `--keep FOLDER` each of its results is written there as soon as it is there, and
what is there is not asked for again, so a run that was ended goes on, and one with a changed program takes a minute.
"""

import argparse
import hashlib
import json
import math
import os
import pathlib
import subprocess
import sys
import tempfile
import time

import numpy
import torch
import whisper
from whisper.decoding import ApplyTimestampRules, BeamSearchDecoder, GreedyDecoder, MaximumLikelihoodRanker

root = pathlib.Path(__file__).resolve().parent.parent
sys.path.insert(0, str(root / "scripts" / "peers"))
import openai_weights  # noqa: E402

SAMPLE_RATE = 16000
TIMESTAMP_SECONDS = 0.02
WORDS_NEAR_SECONDS = 0.02
WORDS_APART_SECONDS = 0.1
NEAR_SHARE = 0.95
# Of float32: times are multiples of 0.02 s.
ROUNDING_SECONDS = 1e-3

# Prints nothing but the samples of a recording as the program hears them, f32.
SAMPLES = """
import { openAudio } from './dist/audio/open-audio.js';
const audio = await openAudio(process.argv[1]);
for await (const block of audio.samples) process.stdout.write(new Uint8Array(block.buffer, block.byteOffset, block.byteLength).slice());
"""


class Ties:
    """Notes the narrow decisions of openai's decoders while it is installed in them."""

    def __init__(self, widest):
        self.widest = widest
        self.found = []
        self.wrap(GreedyDecoder, self.greedy)
        self.wrap(BeamSearchDecoder, self.beams)
        rank = MaximumLikelihoodRanker.rank
        MaximumLikelihoodRanker.rank = lambda ranker, tokens, sums: self.texts(rank, ranker, tokens, sums)
        apply = ApplyTimestampRules.apply
        ApplyTimestampRules.apply = lambda rules, logits, tokens: self.timestamps(apply, rules, logits, tokens)

    def wrap(self, decoder, look):
        update = decoder.update

        def looking(self, tokens, logits, sum_logprobs):
            look(self, tokens, logits, sum_logprobs)
            return update(self, tokens, logits, sum_logprobs)

        decoder.update = looking

    def note(self, what, gap):
        if gap < self.widest:
            self.found.append((what, gap))

    def greedy(self, _, tokens, logits, __):
        first, second = logits[0].float().topk(2).values.tolist()
        self.note(f"token {tokens.shape[1]}", first - second)

    def beams(self, decoder, tokens, logits, sum_logprobs):
        """The last hypothesis that goes on, and the next one behind it, which does not."""
        logprobs = logits.float().log_softmax(-1)
        scores = {}
        for beam, text in enumerate(tokens.tolist()):
            best = logprobs[beam].topk(decoder.beam_size + 1)
            for logprob, token in zip(best.values.tolist(), best.indices.tolist()):
                scores[(*text, token)] = sum_logprobs[beam].item() + logprob
        ordered = sorted(scores.items(), key=lambda item: item[1], reverse=True)
        going = [place for place, (text, _) in enumerate(ordered) if text[-1] != decoder.eot]
        last = going[min(decoder.beam_size, len(going)) - 1]
        if last + 1 < len(ordered):
            self.note(f"beams at token {tokens.shape[1]}", ordered[last][1] - ordered[last + 1][1])

    def timestamps(self, apply, rules, logits, tokens):
        """Whether all timestamps together are likelier than any text."""
        begin = rules.tokenizer.timestamp_begin
        text = logits[:, : rules.tokenizer.no_timestamps].float().max(-1).values
        apply(rules, logits, tokens)
        together = logits[:, begin:].float().logsumexp(-1)
        for sampled, gap in zip(tokens[:, rules.sample_begin :].tolist(), (together - text).abs().tolist()):
            if sampled and sampled[-1] < begin:
                self.note(f"timestamps at token {tokens.shape[1]}", gap)

    def texts(self, rank, ranker, tokens, sums):
        for candidates, logprobs in zip(tokens, sums):
            means = sorted((total / max(len(text), 1) for text, total in zip(candidates, logprobs)), reverse=True)
            if len(means) > 1:
                self.note("choice of the text", means[0] - means[1])
        return rank(ranker, tokens, sums)

    def take(self):
        found, self.found = self.found, []
        return found


def clips_of(paths):
    for path in paths:
        yield from sorted(path.glob("*.wav")) if path.is_dir() else [path]


def samples_of(clip):
    command = ["node", "--input-type=module", "-e", SAMPLES, str(clip.resolve())]
    return numpy.frombuffer(subprocess.run(command, cwd=root, check=True, stdout=subprocess.PIPE).stdout, dtype="<f4").copy()


def ours(clips, model, beams, words, threads):
    """The program's JSON for each clip."""
    options = ["--device", "cpu", "--dtype", "float32", "--beam-size", str(beams), "--temperature-increment", "0"]
    options += ["--threads", str(threads)]
    command = ["node", "dist/cli/main.js", "transcribe", "-q", "--model", model, "--format", "json", *options]
    command += ["--word-timestamps"] if words else []
    command += [str(clip.resolve()) for clip in clips]
    lines = subprocess.run(command, cwd=root, check=True, stdout=subprocess.PIPE, text=True).stdout.splitlines()
    return [json.loads(line) for line in lines]


def theirs(model, samples, beams, words):
    """openai's result, put right where ours differs on purpose."""
    result = model.transcribe(
        samples,
        temperature=0,
        beam_size=None if beams == 1 else beams,
        word_timestamps=words,
        fp16=False,
    )
    end = math.ceil(len(samples) / SAMPLE_RATE / TIMESTAMP_SECONDS - 1e-9) * TIMESTAMP_SECONDS
    segments = []
    for segment in result["segments"]:
        for part in (segment, *segment.get("words", [])):
            part["start"], part["end"] = min(part["start"], end), min(part["end"], end)
        if segment["start"] != segment["end"] and segment["text"].strip() != "":
            segments.append(segment)
    return {**result, "segments": segments}


class Kept:
    """openai's results in a folder, under a hash of all that they depend on."""

    def __init__(self, folder):
        self.folder = folder
        if folder is not None:
            folder.mkdir(parents=True, exist_ok=True)

    def get(self, samples, settings, make):
        if self.folder is None:
            return make()
        key = hashlib.sha256(json.dumps(settings, sort_keys=True).encode() + samples.tobytes()).hexdigest()
        file = self.folder / f"{key[:32]}.json"
        if not file.exists():
            # Whoever ends the run in the middle of writing leaves no half of a result behind.
            unfinished = file.with_suffix(".unfinished")
            unfinished.write_text(json.dumps(make()), encoding="utf8")
            os.replace(unfinished, file)
        return json.loads(file.read_text(encoding="utf8"))


def differences(own, other, words):
    """What differs between two results, and how far the times of words are apart."""
    if own["language"] != other["language"]:
        return [f"language {own['language']}, openai's {other['language']}"], []
    if len(own["segments"]) != len(other["segments"]):
        return [f"{len(own['segments'])} segments, openai's {len(other['segments'])}"], []
    found, apart = [], []
    for own_segment, other_segment in zip(own["segments"], other["segments"]):
        place = f"segment at {other_segment['start']:.2f} s"
        if own_segment["tokens"] != other_segment["tokens"]:
            found.append(f"{place}: {own_segment['text']!r}, openai's {other_segment['text']!r}")
        elif words:
            own_words, other_words = ([word["word"] for word in segment["words"]] for segment in (own_segment, other_segment))
            if own_words != other_words:
                found.append(f"{place}: words {own_words}, openai's {other_words}")
                continue
            pairs = zip(own_segment["words"], other_segment["words"])
            apart += [abs(a[end] - b[end]) for a, b in pairs for end in ("start", "end")]
        else:
            for end in ("start", "end"):
                if abs(own_segment[end] - other_segment[end]) > ROUNDING_SECONDS:
                    found.append(f"{place}: {end} {own_segment[end]:.2f}, openai's {other_segment[end]:.2f}")
    return found, apart


def numbers(text):
    return [int(number) for number in text.split(",")]


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("paths", nargs="+", type=pathlib.Path, help="recordings, and folders of WAV files")
    parser.add_argument("--model", default="whisper-base")
    parser.add_argument("--beams", type=numbers, default=[1, 5], metavar="N[,N…]", help="how many, one after the other: 1,5")
    parser.add_argument("--keep", type=pathlib.Path, metavar="FOLDER", help="where openai's results are kept, and taken from")
    parser.add_argument("--tie", type=float, default=1e-3, help="the widest gap between two scores that counts as a tie")
    parser.add_argument("--threads", type=int, default=torch.get_num_threads(), help="of either program")
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    clips = list(clips_of(arguments.paths))
    with tempfile.TemporaryDirectory() as folder:
        export = ["node", "scripts/export-safetensors.mjs", arguments.model, folder]
        subprocess.run(export, cwd=root, check=True, stdout=subprocess.DEVNULL)
        model = openai_weights.load(folder)
    model.set_alignment_heads(whisper._ALIGNMENT_HEADS[arguments.model.removeprefix("whisper-")])
    ties = Ties(arguments.tie)
    kept = Kept(arguments.keep)
    versions = {"openai-whisper": whisper.__version__, "torch": torch.__version__, "model": arguments.model}
    differing, tied_clips, all_apart = 0, 0, []
    print(f"openai-whisper {whisper.__version__}, torch {torch.__version__}, {arguments.model} in float32", flush=True)

    def ask(samples, beams, words):
        started = time.perf_counter()
        result = theirs(model, samples, beams, words)
        return {**result, "ties": ties.take(), "seconds": time.perf_counter() - started}

    for beams in arguments.beams:
        for words in (False, True):
            own_results = ours(clips, arguments.model, beams, words, arguments.threads)
            for clip, own in zip(clips, own_results, strict=True):
                samples = samples_of(clip)
                settings = {**versions, "beams": beams, "words": words, "tie": arguments.tie}
                other = kept.get(samples, settings, lambda: ask(samples, beams, words))
                found, apart = differences(own, other, words)
                all_apart += apart
                tokens = sum(len(segment["tokens"]) for segment in other["segments"])
                verdict = "equal" if not found else "a tie" if other["ties"] else "DIFFERENT"
                differing += verdict == "DIFFERENT"
                tied_clips += verdict == "a tie"
                heading = f"{clip.name}, beams {beams}{', words' if words else ''}"
                count = f"{len(other['segments'])} segments, {tokens} tokens, openai's in {other['seconds']:.0f} s"
                print(f"{heading}: {count}: {verdict}{f', words {max(apart):.2f} s apart at most' if apart else ''}")
                for line in found:
                    print(f"  {line}")
                for what, gap in other["ties"]:
                    print(f"  tie: {what}, gap {gap:.2g}")
                sys.stdout.flush()
    near = sum(seconds <= WORDS_NEAR_SECONDS + ROUNDING_SECONDS for seconds in all_apart)
    share = near / max(1, len(all_apart))
    farthest = max(all_apart, default=0)
    print(f"{differing} differences and {tied_clips} by ties in {2 * len(arguments.beams) * len(clips)} results")
    print(f"{len(all_apart)} times of words: {100 * share:.1f} % within 0.02 s, all within {farthest:.2f} s")
    are_words_near = share >= NEAR_SHARE and farthest <= WORDS_APART_SECONDS + ROUNDING_SECONDS
    sys.exit(0 if differing == 0 and are_words_near else 1)


main()
