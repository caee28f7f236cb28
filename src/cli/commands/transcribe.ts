import { Argument, type Command } from 'commander';
import type { AudioStream } from '../../audio/open-audio.ts';
import type { DeviceChoice } from '../../backend/device-choice.ts';
import type { Task } from '../../decoding/prompt.ts';
import { AudioError, NpuError, UsageError } from '../../errors.ts';
import { openModel } from '../../open-model.ts';
import { transcriptJson } from '../../output/json.ts';
import { type LoadedModel, type Segment, type TranscribeOptions, transcribe } from '../../transcribe/transcribe.ts';
import { type AudioInputOptions, addAudioInputOptions, checkAudioInputOptions, openInput } from '../audio-input.ts';
import { convertProgress } from '../convert-progress.ts';
import { exitCode } from '../exit-codes.ts';
import { npuDtypes, option } from '../options.ts';
import { errorJson, printError } from '../report-error.ts';
import { type ModelSourceOptions, modelContext, type Session, sessionTerminal } from '../session.ts';
import type { Terminal } from '../terminal.ts';

interface Options extends ModelSourceOptions, AudioInputOptions {
  readonly model?: string;
  readonly device: DeviceChoice;
  readonly dtype: string;
  readonly omDir?: string;
  readonly threads: number;
  readonly language: string;
  readonly task: Task;
  readonly json?: boolean;
}

export function addTranscribe(program: Command, session: Session): void {
  addAudioInputOptions(program.command('transcribe'))
    .summary('print what is said in audio files')
    .description('Prints what is said in audio files. Only results go to stdout.')
    .addArgument(new Argument('<audio...>', 'audio or video files, or - for stdin'))
    .addOption(option.language())
    .addOption(option.task())
    .addOption(option.model())
    .addOption(option.source())
    .addOption(option.offline())
    .addOption(option.device())
    .addOption(option.threads())
    .addOption(option.dtype())
    .addOption(option.omDir())
    .addOption(option.json())
    .addOption(option.quiet())
    .addHelpText(
      'after',
      `
Examples:
  $ whisper-npu transcribe interview.wav
  $ whisper-npu transcribe --language de --task translate rede.wav
  $ whisper-npu transcribe --json *.wav > transcripts.jsonl
  $ whisper-npu transcribe --start 1:30 --end 2:00 talk.mp4
  $ arecord -r 16000 -f S16_LE -t raw | whisper-npu transcribe --input-format s16le -`,
    )
    .action((inputs: string[], options: Options) => run(inputs, options, session));
}

async function run(inputs: readonly string[], options: Options, session: Session): Promise<void> {
  if (inputs.filter((input) => input === '-').length > 1) {
    throw new UsageError('STDIN_TWICE', 'stdin (-) can be read only once');
  }
  checkAudioInputOptions(options);
  const terminal = sessionTerminal(session, options);
  let model: LoadedModel | undefined;
  let failed = 0;
  try {
    for (const input of inputs) {
      try {
        await using audio = await openInput(input, options, session, terminal.warn);
        model ??= await load(options, session, terminal);
        if (inputs.length > 1 && !options.json) await session.print(`==> ${audio.name} <==\n`);
        await transcribeOne(model, audio, options, session, terminal).catch(namingFile(audio.name));
      } catch (error) {
        session.signal.throwIfAborted();
        // One bad recording must not stop the others; a model that does not load stops them all.
        if (inputs.length === 1 || !(error instanceof AudioError)) throw error;
        failed++;
        terminal.endProgress();
        printError(error, session.stderr);
        if (options.json) await session.print(`${errorJson(error, input)}\n`);
      }
    }
  } finally {
    await model?.[Symbol.asyncDispose]();
  }
  if (failed > 0) {
    terminal.warn(`${failed} of ${inputs.length} files failed`);
    process.exitCode = exitCode.failed;
  }
}

async function load(options: Options, session: Session, terminal: Terminal): Promise<LoadedModel> {
  const { model: name, omDir } = options;
  const model = await openModel({
    ...(name === undefined ? {} : { model: name }),
    ...(omDir === undefined ? {} : { omDirectory: omDir }),
    device: options.device,
    dtype: npuDtypes[options.dtype] ?? 'f16',
    context: modelContext(session, options, terminal),
    threads: options.threads,
    onPrepare: (sizeBytes) => terminal.note(`preparing the model once (${(sizeBytes / 1e6).toFixed(0)} MB of weights)`),
    onConvert: convertProgress(terminal),
    onWarning: terminal.warn,
  });
  terminal.note(`model ${model.name}, device ${model.backend.device}`);
  return model;
}

async function transcribeOne(
  model: LoadedModel,
  audio: AudioStream,
  options: Options,
  session: Session,
  terminal: Terminal,
): Promise<void> {
  const started = performance.now();
  const segments: Segment[] = [];
  const { offsetSeconds } = audio;
  for await (const decoded of transcribe(model, audio.samples, transcribeOptions(options, session.signal))) {
    const [startSeconds, endSeconds] = [decoded.startSeconds + offsetSeconds, decoded.endSeconds + offsetSeconds];
    const segment = { ...decoded, startSeconds, endSeconds };
    segments.push(segment);
    if (!options.json) await session.print(`${segment.text.trim()}\n`);
    if (!segment.complete) terminal.warn(incompleteText(audio.name, segment));
  }
  const audioSeconds = (segments.at(-1)?.endSeconds ?? offsetSeconds) - offsetSeconds;
  const elapsedSeconds = (performance.now() - started) / 1000;
  if (options.json) {
    const { name, backend } = model;
    const info = { file: audio.name, model: name, device: backend.device, task: options.task };
    await session.print(`${transcriptJson({ ...info, audioSeconds, elapsedSeconds }, segments)}\n`);
  }
  terminal.note(`${audio.name}: ${summary(audioSeconds, elapsedSeconds, segments[0])}`);
}

function transcribeOptions({ language, task }: Options, signal: AbortSignal): TranscribeOptions {
  return language === 'auto' ? { task, signal } : { language, task, signal };
}

function summary(audioSeconds: number, elapsedSeconds: number, first: Segment | undefined): string {
  if (first === undefined) return 'no audio in it';
  const [likeliest] = first.languageProbabilities ?? [];
  const detected = likeliest === undefined ? '' : ` (detected, ${(100 * likeliest.probability).toFixed(0)} %)`;
  const speed = `${(audioSeconds / elapsedSeconds).toFixed(1)} times real time, RTF ${(elapsedSeconds / audioSeconds).toFixed(3)}`;
  return `${audioSeconds.toFixed(1)} s of audio in ${elapsedSeconds.toFixed(2)} s (${speed}), language ${first.language}${detected}`;
}

function incompleteText(name: string, { startSeconds, endSeconds }: Segment): string {
  return `${name}: the text from ${startSeconds.toFixed(0)} to ${endSeconds.toFixed(0)} s is longer than the model can write at once; its end is missing`;
}

/** A device that fails in the middle of a file fails with the file's name. */
function namingFile(name: string): (error: unknown) => never {
  return (error) => {
    if (!(error instanceof NpuError)) throw error;
    const { code, message, hint, aclCode, aclFunction } = error;
    throw new NpuError(code, `${name}: ${message}`, {
      cause: error,
      ...(hint === undefined ? {} : { hint }),
      ...(aclCode === undefined ? {} : { aclCode }),
      ...(aclFunction === undefined ? {} : { aclFunction }),
    });
  };
}
