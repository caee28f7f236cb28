/** Writes subtitles for a recording: node examples/subtitles.mjs talk.mp3 > talk.srt */
import { formats, loadModel, openRecording, transcribe } from 'whisper-npu';

const [file = 'samples/espeak-en-16k.wav'] = process.argv.slice(2);
const model = await loadModel({ model: 'whisper-base' });
const audio = await openRecording(file);
const segments = [];
for await (const segment of transcribe(model, audio, { timestamps: true })) segments.push(segment);
await audio[Symbol.asyncDispose]();
await model[Symbol.asyncDispose]();

const about = { file, task: 'transcribe', model: model.name, device: model.backend.device };
const language = segments[0]?.language;
process.stdout.write(formats.srt({ ...about, language, segments, audioSeconds: audio.durationSeconds ?? 0 }, {}));
