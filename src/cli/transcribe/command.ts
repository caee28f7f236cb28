import { Argument, type Command } from 'commander';
import type { AudioRecording } from '../../audio/recording.ts';
import { openSilero } from '../../backend/cpu/silero.ts';
import { closeAfter, NpuError } from '../../errors.ts';
import type { CommandOptions } from '../../options/tables.ts';
import { makeOutputFolder, makeRoom, outputDate } from '../../output/files/room.ts';
import type { Transcript } from '../../output/transcript.ts';
import { printable } from '../../printable.ts';
import { openModel } from '../../setup/open-model.ts';
import { askedOptions, needsSpeechModel, skipsSilence } from '../../transcribe/asked-options.ts';
import { detectLanguage } from '../../transcribe/detect-language.ts';
import type { LoadedModel } from '../../transcribe/loaded-model.ts';
import { recognise } from '../../transcribe/recognise.ts';
import type { Segment } from '../../transcribe/segment.ts';
import { transcribe } from '../../transcribe/transcribe.ts';
import type { SpeechModel } from '../../vad/speech-model.ts';
import { openInput } from '../audio-input.ts';
import { addOptions, readOptions } from '../command-options.ts';
import { modelOptions } from '../model-input.ts';
import type { Session } from '../session.ts';
import type { Terminal } from '../terminal.ts';
import { type Job, planJobs } from './batch/jobs.ts';
import { namedInputs } from './batch/named-inputs.ts';
import type { BatchProgress } from './batch/progress.ts';
import { pendingJobs, runBatch } from './batch/run-batch.ts';
import type { Hearing } from './hearing.ts';
import { checkStdout, type OutputSettings, outputSettings } from './output-settings.ts';
import { printLanguages } from './print-languages.ts';
import { openResults, type Results } from './results.ts';
import { openRemote, openSendable } from './send-input.ts';

type Options = CommandOptions<'transcribe'>;

export function addTranscribe(program: Command, session: Session): void {
  addOptions(program.command('transcribe'), 'transcribe')
    .summary('print or write what is said in audio files')
    .description('Prints what is said in audio files, or writes it to files. Only results go to stdout.')
    .addArgument(new Argument('[audio...]', 'files, folders, quoted globs, or - for stdin'))
    .addHelpText(
      'after',
      `
Examples:
  $ whisper-npu transcribe interview.wav
  $ whisper-npu transcribe --language de --task translate rede.wav
  $ whisper-npu transcribe --format srt,txt --output-dir subtitles recordings/
  $ whisper-npu transcribe --json *.wav > transcripts.jsonl
  $ whisper-npu transcribe --start 1:30 --end 2:00 talk.mp4
  $ arecord -r 16000 -f S16_LE -t raw | whisper-npu transcribe --input-format s16le -`,
    )
    .action((args: string[], _: unknown, own: Command) => run(args, own, session));
}

async function run(args: readonly string[], command: Command, session: Session): Promise<void> {
  const { options, terminal } = readOptions(command, 'transcribe', session);
  const settings = outputSettings(options);
  const { directory, formats } = settings;
  const inputs = await namedInputs(args, options.filesFrom, session, terminal);
  const jobs =
    directory === undefined
      ? inputs.map((input): Job => ({ input, outputs: new Map() }))
      : planJobs(inputs, directory, formats);
  checkStdout(settings, jobs.length);
  const { overwrite = false, json = false } = options;
  const batch = { session, terminal, overwrite, json };
  const pending = await pendingJobs(jobs, batch);
  if (directory !== undefined && pending.length > 0) await makeOutputFolder(directory);
  const results = openResults(settings, session, terminal, jobs.length);
  let model: LoadedModel | undefined;
  let speechModel: SpeechModel | undefined;
  const close = async () => {
    await speechModel?.[Symbol.asyncDispose]();
    await model?.[Symbol.asyncDispose]();
  };
  const remote =
    options.server === undefined ? undefined : openRemote(options.server, options, settings, session, terminal);
  try {
    await runBatch(pending, jobs.length, batch, async (job, progress) => {
      if (job.input.failure !== undefined) throw job.input.failure;
      const date = await outputDate(job.input.path === '-' ? undefined : job.input.path);
      const work = { job, date, progress, results, task: options.task };
      if (remote !== undefined) {
        await using recording = await openSendable(job.input.path, session);
        await makeRoom(job.outputs.values());
        if (options.detectLanguage)
          return await printLanguages(recording.name, await remote.languages(recording), session, json);
        return await transcribeOne(recording.name, remote.hear(recording), work, session, terminal);
      }
      await using audio = await openInput(job.input.path, options, session, terminal.warn);
      await makeRoom(job.outputs.values());
      model ??= await load(options, settings, session, terminal);
      if (options.detectLanguage)
        return await printLanguages(audio.name, await detectLanguage(model, audio, session.signal), session, json);
      if (needsSpeechModel(options)) speechModel ??= await openSilero();
      const hearing = hearHere(model, audio, speechModel, options, settings, session);
      await transcribeOne(audio.name, hearing, work, session, terminal).catch(namingFile(audio.name));
    });
  } catch (error) {
    return closeAfter(error, close);
  }
  await close();
}

async function load(
  options: Options,
  { needsWords }: OutputSettings,
  session: Session,
  terminal: Terminal,
): Promise<LoadedModel> {
  const model = await openModel({
    ...modelOptions(options, session, terminal),
    beams: options.beamSize,
    windows: options.batchSize,
    // Where silence is taken out, segments that reach over it are cut by when their words were said.
    wordTimes: needsWords || skipsSilence(options),
  });
  terminal.note(`model ${model.name}, ${model.dtype}, device ${model.backend.device}`);
  return model;
}

/** Listens with this machine. */
function hearHere(
  model: LoadedModel,
  audio: AudioRecording,
  speechModel: SpeechModel | undefined,
  options: Options,
  { needsTimestamps, needsWords }: OutputSettings,
  { signal }: Session,
): Hearing {
  return (told) => ({
    ...recognise((asked) => transcribe(model, audio, asked), audio, {
      ...askedOptions(options, 'transcribe', speechModel),
      timestamps: needsTimestamps,
      wordTimestamps: needsWords,
      signal,
      ...told,
    }),
    model: model.name,
    device: model.backend.device,
    durationSeconds: audio.durationSeconds,
  });
}

/** What becomes of a recording that is listened to. */
interface Work {
  readonly job: Job;
  /** Of its outputs. */
  readonly date: Date;
  readonly progress: BatchProgress;
  readonly results: Results;
  readonly task: string;
}

async function transcribeOne(
  name: string,
  hearing: Hearing,
  { job, date, progress, results, task }: Work,
  session: Session,
  terminal: Terminal,
): Promise<void> {
  const started = performance.now();
  const {
    model,
    device,
    durationSeconds,
    segments: coming,
    info: known,
  } = await hearing({
    onProgress: (seconds) => {
      progress.reach(seconds);
      terminal.status(progress.status);
    },
    onWarning: (message) => terminal.warn(`${name}: ${message}`),
  });
  const segments: Segment[] = [];
  progress.begin(name, durationSeconds);
  terminal.status(progress.status);
  await results.begin(name);
  for await (const segment of coming) {
    segments.push(segment);
    await results.segment(segment);
    terminal.status(progress.status);
  }
  session.signal.throwIfAborted();
  const info = known();
  progress.reach(info.audioSeconds);
  const elapsedSeconds = (performance.now() - started) / 1000;
  const transcript = { ...info, file: name, segments, task, model, device };
  await results.end(job, transcript, elapsedSeconds, date);
  terminal.note(`${name}: ${summary(transcript, elapsedSeconds)}`);
}

function summary({ audioSeconds, language, languageProbability }: Transcript, elapsedSeconds: number): string {
  if (audioSeconds === 0) return 'no audio in it';
  const detected = languageProbability === undefined ? '' : ` (detected, ${(100 * languageProbability).toFixed(0)} %)`;
  const speed = `${(audioSeconds / elapsedSeconds).toFixed(1)} times real time, RTF ${(elapsedSeconds / audioSeconds).toFixed(3)}`;
  const spoken = language === undefined ? 'no speech' : `language ${language}${detected}`;
  return `${audioSeconds.toFixed(1)} s of audio in ${elapsedSeconds.toFixed(2)} s (${speed}), ${spoken}`;
}

/** A device that fails in the middle of a file fails with the file's name. */
function namingFile(name: string): (error: unknown) => never {
  return (error) => {
    if (!(error instanceof NpuError)) throw error;
    const { code, message, hint, aclCode, aclFunction } = error;
    throw new NpuError(code, `${printable(name)}: ${message}`, {
      cause: error,
      ...(hint === undefined ? {} : { hint }),
      ...(aclCode === undefined ? {} : { aclCode }),
      ...(aclFunction === undefined ? {} : { aclFunction }),
    });
  };
}
