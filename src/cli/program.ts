import { Command, CommanderError } from 'commander';
import { WhisperNpuError } from '../errors.ts';
import { printable, printableLines } from '../printable.ts';
import { addAccuracy } from './accuracy/command.ts';
import { addBench } from './bench/command.ts';
import { addConvert } from './convert/command.ts';
import { addDoctor } from './doctor/command.ts';
import { exitCode, exitCodeFor, exitMeanings } from './exit-codes.ts';
import { endInterrupted, type Interruption } from './interrupt.ts';
import { addModels } from './models/command.ts';
import { addPull } from './pull/command.ts';
import { addQueue } from './queue/command.ts';
import { errorJson, printError } from './report-error.ts';
import { addServe } from './serve/command.ts';
import type { Session } from './session.ts';
import { addTranscribe } from './transcribe/command.ts';
import { version } from './version.ts';
import { addWorker } from './worker/command.ts';

function exitCodeLines(): string {
  const kinds = Object.entries(exitMeanings) as [keyof typeof exitMeanings, string][];
  return kinds.map(([kind, meaning]) => `  ${String(exitCode[kind]).padEnd(5)}${meaning}`).join('\n');
}

/**
 * The command line with all of its commands, before it is given anything.
 *
 * @public scripts/write-cli-docs.mjs reads it too
 */
export function createProgram(session: Session): Command {
  const program = new Command('whisper-npu')
    .description("Speech to text with OpenAI's Whisper, on Huawei Ascend NPUs and on any CPU.")
    .version(version)
    .exitOverride()
    .configureOutput({
      // Words of the command line may be names of files that a pattern stood for. What may follow is commander's own.
      outputError: (text, write) => {
        const [error = '', suggestion] = text.trimEnd().split(/\n(?=\(Did you mean )/);
        write([error, suggestion].flatMap((line) => (line === undefined ? [] : `${printable(line)}\n`)).join(''));
      },
    })
    .showHelpAfterError('Run with --help to see the options.')
    .configureHelp({ showGlobalOptions: true })
    .addHelpText(
      'after',
      `
Exit codes:
${exitCodeLines()}

What the code behind an error means, as in [AUDIO_NOT_FOUND]: docs/troubleshooting.md in the package.
Models are kept in $WHISPER_NPU_HOME, or in whisper-npu in the user's cache folder.`,
    );
  addTranscribe(program, session);
  addServe(program, session);
  addQueue(program, session);
  addWorker(program, session);
  addPull(program, session);
  addConvert(program, session);
  addModels(program, session);
  addBench(program, session);
  addAccuracy(program, session);
  addDoctor(program, session);
  return program;
}

function print(text: string, isStyled = false): Promise<void> {
  const shown = process.stdout.isTTY && !isStyled ? printableLines(text) : text;
  return new Promise((resolve, reject) => {
    process.stdout.write(shown, (error) => {
      if (!error) return resolve();
      reject(new WhisperNpuError('OUTPUT_FAILED', `cannot write to stdout: ${error.message}`, { cause: error }));
    });
  });
}

/**
 * Does what the command line says, and sets the exit code.
 *
 * @param interruption Ctrl-C, SIGTERM and SIGHUP
 */
export async function runProgram({ signal, insteadOfAborting }: Interruption): Promise<void> {
  // A reader that has seen enough (`| head`) is no error.
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code === 'EPIPE') process.exit(exitCode.done);
  });
  const { env, stdin, stderr, stdout } = process;
  try {
    await createProgram({ env, stdin, stderr, stdout, print, signal, insteadOfAborting }).parseAsync();
  } catch (error) {
    if (error instanceof CommanderError) {
      // Commander has already printed it; its exit code 1 means a usage error.
      process.exitCode = error.exitCode === 0 ? exitCode.done : exitCode.usage;
    } else if (signal.aborted) {
      endInterrupted(); // whatever a hanging device still has to say
    } else {
      printError(error, stderr);
      if (process.argv.includes('--json')) await print(`${errorJson(error)}\n`);
      process.exitCode = exitCodeFor(error);
    }
  }
}
