/**
 * Runs every command and every example of the documents, and ends with 1 if one of them fails.
 *
 *   npm run build && node scripts/run-documents.mjs [DOCUMENT...]
 *
 * Blocks in the languages sh, console and js are run, from top to bottom, in a folder of their own for each document, which has
 * the folders of the checkout and recordings by the names that documents use. Blocks that are marked (`sh card`) are not run, and
 * neither is a line whose comment says that it needs an NPU; both are listed. What a line leaves running (`&`) ends with its document.
 * A block that another document had before is not run again. `bench` measures twice where the line does not say how often.
 * Models come from the user's store.
 */
import { spawn, spawnSync } from 'node:child_process';
import {
  chmodSync,
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { codeBlocks, commandsOf, documentPaths, marks, readDocument, root } from './documents/documents.mjs';

const needsNpu = /#.*\bneeds an NPU\b/;
/** Where 1 is an answer, which depends on how busy the machine is. */
const gives1 = /\bbench compare\b/;
const sample = join(root, 'samples/espeak-en-16k.wav');
const fixture = (kind) => join(root, `test/fixtures/espeak-en.${kind}`);

/** A recording of two minutes and a half: the sample again and again. */
function longRecording() {
  const bytes = readFileSync(sample);
  const header = Buffer.from(bytes.subarray(0, 44));
  const samples = Buffer.concat(Array(27).fill(bytes.subarray(44)));
  header.writeUInt32LE(36 + samples.length, 4);
  header.writeUInt32LE(samples.length, 40);
  return Buffer.concat([header, samples]);
}

function makeProgram(path, script) {
  writeFileSync(path, `#!/bin/sh\n${script}\n`);
  chmodSync(path, 0o755);
}

/** A folder for the commands of one document. */
function makeFolder() {
  const folder = mkdtempSync(join(tmpdir(), 'whisper-npu-documents-'));
  for (const name of readdirSync(root)) if (!/^\.|\.wav$/.test(name)) symlinkSync(join(root, name), join(folder, name));
  for (const name of ['interview.wav', 'rede.wav', 'CLIP.wav', 'FILE.wav']) copyFileSync(sample, join(folder, name));
  for (const name of ['interview.mp3', 'talk.mp3']) copyFileSync(fixture('mp3'), join(folder, name));
  copyFileSync(fixture('flac'), join(folder, 'talk.flac'));
  copyFileSync(fixture('ogg'), join(folder, 'meeting.ogg'));
  writeFileSync(join(folder, 'talk.mp4'), longRecording()); // its content tells what it is
  writeFileSync(
    join(folder, 'clips.tsv'),
    `interview.wav\t${readFileSync(sample.replace('.wav', '.txt'), 'utf8').trim()}\n`,
  );
  mkdirSync(join(folder, 'recordings'));
  copyFileSync(sample, join(folder, 'recordings/one.wav'));
  const programs = join(folder, 'programs');
  mkdirSync(programs);
  makeProgram(
    join(programs, 'whisper-npu'),
    `case "$* " in "bench compare "* | *" --runs "*) ;; "bench "*) set -- "$@" --runs 2;; esac
exec "${process.execPath}" "${join(root, 'dist/cli/main.js')}" "$@"`,
  );
  makeProgram(join(programs, 'npx'), 'exec "$@"');
  // The microphone.
  makeProgram(join(programs, 'arecord'), `case "$*" in *raw*) tail -c +45 "${sample}";; *) cat "${sample}";; esac`);
  return { folder, programs };
}

const report = { ran: 0, failed: 0, left: new Map() };

function leave(why) {
  report.left.set(why, (report.left.get(why) ?? 0) + 1);
}

function check(where, command, { status, signal, stdout, stderr }) {
  report.ran += 1;
  if (status === 0 || (status === 1 && gives1.test(command))) return;
  report.failed += 1;
  console.error(`${where}: ended with ${status ?? signal}: ${command}\n${stdout}${stderr}`);
}

/** Starts what goes on while the lines behind it run. */
function startBeside(command, { folder, env, beside }) {
  const [program] = command.split(/ &(?: +#.*)?$/);
  report.ran += 1;
  beside.push(spawn('bash', ['-c', `exec ${program}`], { cwd: folder, env, stdio: 'ignore' }));
}

function runCommands(where, block, { folder, env, beside }) {
  for (const command of commandsOf(block)) {
    if (needsNpu.test(command)) leave('needs an NPU');
    else if (/ &(?: +#.*)?$/.test(command)) startBeside(command, { folder, env, beside });
    else
      check(
        where,
        command,
        spawnSync('bash', ['-o', 'pipefail', '-c', command], { cwd: folder, env, encoding: 'utf8' }),
      );
  }
}

/** The package finds itself by name from within its folder only. */
function runExample(where, { text }, { folder, env }) {
  const path = join(root, 'build', `example-${process.pid}.mjs`);
  writeFileSync(path, text);
  check(where, 'the example', spawnSync(process.execPath, [path], { cwd: folder, env, encoding: 'utf8' }));
  rmSync(path);
}

/** What is run of a block: two that differ in their comments do the same. */
const meaningOf = (block) =>
  block.language === 'js'
    ? block.text.replace(/ *\/\/ .*$/gm, '')
    : commandsOf(block)
        .filter((command) => !needsNpu.test(command))
        .map((command) => command.replace(/ +#.*$/, ''))
        .join('\n');

const done = new Set();

function runDocument(path) {
  const { folder, programs } = makeFolder();
  const env = { ...process.env, PATH: `${programs}${delimiter}${process.env.PATH}`, NO_COLOR: '1' };
  const beside = [];
  for (const block of codeBlocks(readDocument(path))) {
    const where = `${path}:${block.line}`;
    if (!['sh', 'console', 'js'].includes(block.language)) continue;
    const meaning = meaningOf(block);
    if (block.mark !== undefined) leave(marks[block.mark] ?? `has the unknown mark ${block.mark}`);
    else if (done.has(meaning)) leave('ran in another document');
    else {
      if (block.language === 'js') runExample(where, block, { folder, env });
      else runCommands(where, block, { folder, env, beside });
      done.add(meaning); // not of a block that is left out: another document may have it without the mark
    }
  }
  for (const child of beside) child.kill('SIGTERM');
  rmSync(folder, { recursive: true });
}

const asked = process.argv.slice(2);
mkdirSync(join(root, 'build'), { recursive: true });
for (const path of asked.length === 0 ? documentPaths() : asked) runDocument(path);
const left = [...report.left].map(([why, count]) => `${count} ${count === 1 ? 'was' : 'were'} left out (${why})`);
console.log([`${report.ran} ran, ${report.failed} failed`, ...left].join('; '));
if (report.failed > 0) process.exitCode = 1;
