/** The library: everything that the command line is made of. The only file that re-exports. */
export type { OpenAudioOptions } from './audio/open-audio.ts';
export { type AudioRecording, openRecording } from './audio/recording.ts';
export type { Backend, DecoderRun, EncodedAudio } from './backend/backend.ts';
export { openSilero } from './backend/cpu/silero.ts';
export type { LanguageProbability } from './decoding/language.ts';
export { AudioError, ConversionError, ModelError, NpuError, UsageError, WhisperNpuError } from './errors.ts';
export { type LoadModelOptions, loadModel } from './load-model.ts';
export type { CueLayout } from './output/cues.ts';
export { type FormatName, formatNames, formats } from './output/formats.ts';
export type { Transcript } from './output/transcript.ts';
export { detectLanguage } from './transcribe/detect-language.ts';
export type { LoadedModel } from './transcribe/loaded-model.ts';
export type { Recording } from './transcribe/log-mel-source.ts';
export { type Clip, type TranscribeOptions, transcribeDefaults } from './transcribe/options.ts';
export type { Segment, Word } from './transcribe/segment.ts';
export { transcribe } from './transcribe/transcribe.ts';
export type { SpeechModel } from './vad/speech-model.ts';
