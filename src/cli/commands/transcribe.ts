import { Argument, type Command } from 'commander';
import type { ChannelChoice } from '../../audio/open-audio.ts';
import { type AudioRecording, openRecording } from '../../audio/recording.ts';
import type { DeviceChoice } from '../../backend/device-choice.ts';
import type { LanguageProbability } from '../../decoding/language.ts';
import type { Task } from '../../decoding/prompt.ts';
import { AudioError, NpuError, UsageError } from '../../errors.ts';
import { openModel } from '../../open-model.ts';
import { transcriptJson } from '../../output/json.ts';
import type { LoadedModel } from '../../transcribe/loaded-model.ts';
import type { TranscribeOptions } from '../../transcribe/options.ts';
import type { Segment } from '../../transcribe/segment.ts';
import { transcribe } from '../../transcribe/transcribe.ts';
import { convertProgress } from '../convert-progress.ts';
import { exitCode } from '../exit-codes.ts';
import { npuDtypes, option } from '../options.ts';
import { errorJson, printError } from '../report-error.ts';
import { type ModelSourceOptions, modelContext, type Session, sessionTerminal } from '../session.ts';
import type { Terminal } from '../terminal.ts';

interface Options extends ModelSourceOptions {
  readonly model?: string;
  readonly device: DeviceChoice;
  readonly dtype: string;
  readonly omDir?: string;
  readonly threads: number;
  readonly language: string;
  readonly task: Task;
  readonly channel: ChannelChoice;
  readonly json?: boolean;
}

export function addTranscribe(program: Command, session: Session): void {
  program
    .command('transcribe')
    .summary('print what is said in audio files')
    .description('Prints what is said in audio files. Only results go to stdout.')
    .addArgument(new Argument('<audio...>', 'WAV files, or - for a WAV on stdin'))
    .addOption(option.language())
    .addOption(option.task())
    .addOption(option.channel())
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
  $ ffmpeg -i talk.mp4 -f wav - | whisper-npu transcribe -`,
    )
    .action((inputs: string[], options: Options) => run(inputs, options, session));
}

async function run(inputs: readonly string[], options: Options, session: Session): Promise<void> {
  if (inputs.filter((input) => input === '-').length > 1) {
    throw new UsageError('STDIN_TWICE', 'stdin (-) can be read only once');
  }
  const terminal = sessionTerminal(session, options);
  let model: LoadedModel | undefined;
  let failed = 0;
  try {
    for (const input of inputs) {
      try {
        await using audio = await openRecording(input, {
          channel: options.channel,
          stdin: session.stdin,
          signal: session.signal,
          onWarning: terminal.warn,
        });
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
  audio: AudioRecording,
  options: Options,
  session: Session,
  terminal: Terminal,
): Promise<void> {
  const started = performance.now();
  const segments: Segment[] = [];
  let languages: readonly LanguageProbability[] | undefined;
  const asked: TranscribeOptions = {
    ...transcribeOptions(options, session.signal),
    onLanguage: (probabilities) => {
      languages = probabilities;
    },
    onWarning: (message) => terminal.warn(`${audio.name}: ${message}`),
  };
  for await (const segment of transcribe(model, audio, asked)) {
    segments.push(segment);
    if (!options.json) await session.print(`${segment.text.trim()}\n`);
  }
  const audioSeconds = audio.durationSeconds ?? segments.at(-1)?.endSeconds ?? 0;
  const elapsedSeconds = (performance.now() - started) / 1000;
  if (options.json) {
    const { name, backend } = model;
    const info = { file: audio.name, model: name, device: backend.device, task: options.task };
    await session.print(`${transcriptJson({ ...info, audioSeconds, elapsedSeconds }, segments)}\n`);
  }
  terminal.note(`${audio.name}: ${summary(audioSeconds, elapsedSeconds, languages, segments[0])}`);
}

function transcribeOptions({ language, task }: Options, signal: AbortSignal): TranscribeOptions {
  return language === 'auto' ? { task, signal } : { language, task, signal };
}

function summary(
  audioSeconds: number,
  elapsedSeconds: number,
  languages: readonly LanguageProbability[] | undefined,
  first: Segment | undefined,
): string {
  if (audioSeconds === 0) return 'no audio in it';
  const [likeliest] = languages ?? [];
  const detected = likeliest === undefined ? '' : ` (detected, ${(100 * likeliest.probability).toFixed(0)} %)`;
  const speed = `${(audioSeconds / elapsedSeconds).toFixed(1)} times real time, RTF ${(elapsedSeconds / audioSeconds).toFixed(3)}`;
  return `${audioSeconds.toFixed(1)} s of audio in ${elapsedSeconds.toFixed(2)} s (${speed}), ${first === undefined ? 'no speech' : `language ${first.language}${detected}`}`;
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
