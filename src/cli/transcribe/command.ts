import { Argument, type Command } from 'commander';
import type { AudioRecording } from '../../audio/recording.ts';
import { sileroOnDemand } from '../../backend/cpu/silero.ts';
import { closeAfter, NpuError } from '../../errors.ts';
import type { CommandOptions } from '../../options/tables.ts';
import { makeOutputFolder, makeRoom, outputDate } from '../../output/files/room.ts';
import type { Transcript } from '../../output/transcript.ts';
import { printable } from '../../printable.ts';
import { askedOptions, needsSpeechModel } from '../../transcribe/asked-options.ts';
import { recognise } from '../../transcribe/recognise.ts';
import type { Segment } from '../../transcribe/segment.ts';
import type { SpeechModel } from '../../vad/speech-model.ts';
import { openInput } from '../audio-input.ts';
import { addOptions, readOptions } from '../command-options.ts';
import type { Session } from '../session.ts';
import type { Terminal } from '../terminal.ts';
import { type Job, planJobs } from './batch/jobs.ts';
import { namedInputs } from './batch/named-inputs.ts';
import type { BatchProgress } from './batch/progress.ts';
import { type JobTurn, pendingJobs, runBatch } from './batch/run-batch.ts';
import type { Hearing } from './hearing.ts';
import { type Listener, openListener, planListening } from './listener.ts';
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
  $ whisper-npu transcribe --jobs 4 --format srt --output-dir subtitles recordings/
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
  const { server } = options;
  const remote = server === undefined ? undefined : openRemote(server, options, settings, terminal);
  const plan = await planListening(options, pending.length, session.env);
  let listener: Promise<Listener> | undefined;
  const silero = sileroOnDemand();
  const close = async () => {
    await silero[Symbol.asyncDispose]();
    // Where it could not be opened, that has been told.
    await (await listener?.catch(() => undefined))?.[Symbol.asyncDispose]();
  };
  try {
    await runBatch(pending, jobs.length, batch, plan.atATime, async (turn, status) => {
      const { job, signal, speaker } = turn;
      if (job.input.failure !== undefined) throw job.input.failure;
      const date = await outputDate(job.input.path === '-' ? undefined : job.input.path);
      const work = { ...turn, status, date, results: results(speaker), task: options.task };
      const own = { ...session, signal };
      if (remote !== undefined) {
        await using recording = await openSendable(job.input.path, own);
        await makeRoom(job.outputs.values());
        if (options.detectLanguage) {
          const found = await remote.languages(recording, signal);
          return await speaker.say(() => printLanguages(recording.name, found, session, json));
        }
        return await transcribeOne(recording.name, remote.hear(recording, signal), work, terminal);
      }
      await using audio = await openInput(job.input.path, options, own, terminal.warn);
      await makeRoom(job.outputs.values());
      listener ??= openListener(options, settings, plan, session, terminal);
      const opened = await listener;
      if (options.detectLanguage) {
        const found = await opened.detectLanguage(audio, signal); // before the audio is closed
        return await speaker.say(() => printLanguages(audio.name, found, session, json));
      }
      const speechModel = needsSpeechModel(options) ? await silero.get() : undefined;
      const hearing = hearHere(opened, audio, speechModel, options, settings, signal);
      await transcribeOne(audio.name, hearing, work, terminal).catch(namingFile(audio.name));
    });
  } catch (error) {
    return closeAfter(error, close);
  }
  await close();
}

/** Listens with this machine. */
function hearHere(
  listener: Listener,
  audio: AudioRecording,
  speechModel: SpeechModel | undefined,
  options: Options,
  { needsTimestamps, needsWords }: OutputSettings,
  signal: AbortSignal,
): Hearing {
  return (told) => ({
    ...recognise((asked) => listener.transcribe(audio, asked), audio, {
      ...askedOptions(options, 'transcribe', speechModel),
      timestamps: needsTimestamps,
      wordTimestamps: needsWords,
      signal,
      ...told,
    }),
    model: listener.model,
    device: listener.device,
    durationSeconds: audio.durationSeconds,
  });
}

/** What becomes of a recording that is listened to. */
interface Work extends JobTurn {
  /** Of its outputs. */
  readonly date: Date;
  /** Says where the batch stands. */
  readonly status: BatchProgress['status'];
  readonly results: Results;
  readonly task: string;
}

async function transcribeOne(
  name: string,
  hearing: Hearing,
  { job, date, progress, status, results, task, signal }: Work,
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
      terminal.status(status);
    },
    onWarning: (message) => terminal.warn(`${name}: ${message}`),
  });
  const segments: Segment[] = [];
  progress.begin(name, durationSeconds);
  terminal.status(status);
  await results.begin(name);
  for await (const segment of coming) {
    segments.push(segment);
    await results.segment(segment);
    terminal.status(status);
  }
  signal.throwIfAborted();
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
