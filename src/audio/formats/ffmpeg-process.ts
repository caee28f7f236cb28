import { type ChildProcessByStdio, spawn } from 'node:child_process';
import { once } from 'node:events';
import { parse } from 'node:path';
import type { Readable } from 'node:stream';
import { findProgram, isExecutable, smallEnvironment } from '../../child-program.ts';
import { AudioError } from '../../errors.ts';
import { type ByteSource, streamSource } from '../byte-source.ts';

/** A run of ffmpeg, read as the bytes that it writes. Disposing it ends the program at once. */
export interface FfmpegProcess extends ByteSource {
  /** what it has said so far, each line beginning with its level, as in '[info] ' */
  readonly messages: readonly string[];
  /** its exit code, null where it was killed; comes once its output has ended */
  readonly exitCode: Promise<number | null>;
}

export interface FfmpegRun {
  /** the program, by name or path */
  readonly program: string;
  readonly args: readonly string[];
  /** of the recording, for messages */
  readonly name: string;
  /** how long it may write nothing while somebody waits for its output */
  readonly stallMs: number;
  readonly signal?: AbortSignal;
}

/** Enough to see how often something failed, and no more memory for a file that fails at every frame. */
const maxMessages = 500;
const checksPerStall = 20;

/** Rejects with the system's error when the program is not there or cannot be run. */
export async function startFfmpeg(run: FfmpegRun): Promise<FfmpegProcess> {
  const { program, args, name, stallMs, signal } = run;
  const found = await findProgram(program, process.env);
  if (found === undefined) throw new Error(`${program} is in no folder of PATH`);
  const [command = found, ...parameters] = [...(await memoryLimit(found)), found, ...args];
  // The root of the file system is a folder that nobody leaves files in for it to find.
  const where = { cwd: parse(found).root, env: smallEnvironment(process.env) };
  const child = spawn(command, parameters, { ...where, stdio: ['ignore', 'pipe', 'pipe'], windowsHide: true });
  // Node throws away what a program has written when it ends before anybody listens.
  child.stdout.on('readable', () => undefined);
  const exitCode = new Promise<number | null>((resolve) => child.once('close', resolve));
  await once(child, 'spawn');
  child.on('error', () => undefined); // of a kill that comes too late
  const messages = collectMessages(child);
  const output = streamSource(name, child.stdout, signal);

  /** Fails when the program gives nothing for too long. */
  async function readInto(target: Uint8Array): Promise<number> {
    let idleMs = 0;
    let timer: NodeJS.Timeout | undefined;
    const stalled = new Promise<never>((_, reject) => {
      timer = setInterval(() => {
        idleMs += stallMs / checksPerStall;
        if (idleMs >= stallMs) reject(stuckError(name, stallMs));
      }, stallMs / checksPerStall);
    });
    try {
      const nBytes = await Promise.race([output.readInto(target), stalled]);
      if (nBytes < target.length) setTimeout(() => child.kill('SIGKILL'), stallMs).unref(); // it should end by itself
      return nBytes;
    } finally {
      clearInterval(timer);
    }
  }

  async function dispose(): Promise<void> {
    child.kill('SIGKILL');
    await output[Symbol.asyncDispose]();
  }

  return { name, sizeBytes: undefined, messages, exitCode, readInto, [Symbol.asyncDispose]: dispose };
}

/** Decoding sound takes some ten megabytes; a file can be made so that it takes all there is. */
const mostBytes = 2 * 1024 ** 3;

/** What limits the memory of a program, where the system has such a thing; that a program is not there, starting it itself tells. */
async function memoryLimit(program: string): Promise<string[]> {
  if (!(await isExecutable(program))) return [];
  const limiter = process.platform === 'linux' ? await findProgram('prlimit', process.env) : undefined;
  return limiter === undefined ? [] : [limiter, `--data=${mostBytes}`, '--core=0', '--'];
}

function collectMessages({ stderr }: ChildProcessByStdio<null, Readable, Readable>): string[] {
  const messages: string[] = [];
  let rest = '';
  stderr.setEncoding('utf8').on('data', (text: string) => {
    const lines = (rest + text).split(/[\r\n]+/);
    rest = (lines.pop() ?? '').slice(-1000);
    messages.push(...lines.slice(0, maxMessages - messages.length));
  });
  return messages;
}

function stuckError(name: string, stallMs: number): AudioError {
  return new AudioError('AUDIO_FFMPEG_STUCK', `${name}: ffmpeg has given no sound for ${stallMs / 1000} s`, {
    hint: 'look whether the disk or network that the file is on answers, and whether ffmpeg reads the file by itself',
  });
}
