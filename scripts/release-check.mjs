/**
 * Checks that what is about to be published can be: versions, generated pages, licences, sizes, and that the packed program
 * installs into an empty project and runs there.
 *
 *   npm ci && npm run release:check
 *
 * The native code of this machine's platform comes from build/Release; scripts/check-packages.sh tries that of all platforms. The
 * sample is transcribed where whisper-tiny.en is in the store.
 */
import { spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { root } from './cmake-build.mjs';
import { licenceOf } from './licence-of.mjs';

/** Licences that a program under the MIT licence may be installed beside, each part in a package that can be replaced. */
const allowed = ['MIT', 'Apache-2.0', 'BSD-2-Clause', 'BSD-3-Clause', 'ISC', '(MIT AND Zlib)', 'LGPL-3.0-or-later'];
const largestBytes = { program: 4e6, platform: 8e6 };

const readJson = (...path) => JSON.parse(readFileSync(join(...path), 'utf8'));
const { version, dependencies } = readJson(root, 'package.json');
let failures = 0;

function report(what, problem) {
  console.log(`${problem === undefined ? 'ok    ' : 'FAILED'} ${what}${problem === undefined ? '' : `: ${problem}`}`);
  if (problem !== undefined) failures += 1;
}

function run(command, args, options = {}) {
  const { status, stdout, stderr, error } = spawnSync(command, args, { encoding: 'utf8', ...options });
  return { isGood: status === 0, stdout: stdout ?? '', said: `${stdout ?? ''}${stderr ?? ''}${error ?? ''}`.trim() };
}

function checkVersions() {
  const others = readdirSync(join(root, 'packages'))
    .map((name) => readJson(root, 'packages', name, 'package.json'))
    .filter((manifest) => manifest.version !== version);
  const names = others.map((manifest) => `${manifest.name} ${manifest.version}`).join(', ');
  report(`all packages are of version ${version}`, others.length === 0 ? undefined : names);
  const { version: locked } = readJson(root, 'package-lock.json');
  report('the lock file is of that version', locked === version ? undefined : locked);
  const hasSection = readFileSync(join(root, 'CHANGELOG.md'), 'utf8').includes(`\n## ${version}`);
  report('CHANGELOG.md has a section for it', hasSection ? undefined : `there is no heading "## ${version}"`);
}

function checkPages() {
  for (const script of ['write-cli-docs.mjs', 'write-notices.mjs']) {
    const { isGood, said } = run(process.execPath, [join(root, 'scripts', script), '--check']);
    report(`the page of ${script} is current`, isGood ? undefined : said);
  }
}

function checkSize(path, limit) {
  const { size } = statSync(path);
  const problem = size <= limit ? undefined : `more than ${limit / 1e6} MB`;
  report(`${path.split('/').at(-1)} has ${(size / 1e6).toFixed(2)} MB`, problem);
}

/** @returns the tarballs of the program and of this machine's platform */
function pack(folder) {
  const platformName = `linux-${process.arch}`;
  const platform = join(folder, 'platform');
  cpSync(join(root, 'packages', platformName), platform, { recursive: true });
  cpSync(join(root, 'build', 'Release'), platform, { recursive: true });
  const packed = [
    run(process.execPath, [join(root, 'scripts', 'pack.mjs'), folder]),
    run('npm', ['pack', '--ignore-scripts', '--pack-destination', folder], { cwd: platform }),
  ];
  const failed = packed.find(({ isGood }) => !isGood);
  report('the packages are packed', failed?.said);
  const names = [`whisper-npu-${version}.tgz`, `whisper-npu-${platformName}-${version}.tgz`];
  const [program, native] = names.map((name) => join(folder, name));
  checkSize(program, largestBytes.program);
  checkSize(native, largestBytes.platform);
  return [program, native];
}

function checkLicences(project) {
  const { packages } = readJson(project, 'package-lock.json');
  const bad = Object.entries(packages)
    .filter(([path, { optional }]) => path !== '' && !optional)
    .map(([path]) => ({ path, licence: licenceOf(readJson(project, path, 'package.json')) }))
    .filter(({ licence }) => !allowed.includes(licence))
    .map(({ path, licence }) => `${path}: ${licence}`);
  report(`licences of ${Object.keys(packages).length - 1} packages`, bad.length === 0 ? undefined : bad.join(', '));
}

function checkScripts(project) {
  const bad = ['whisper-npu', ...Object.keys(dependencies)].filter((name) => {
    const { scripts = {} } = readJson(project, 'node_modules', name, 'package.json');
    return Object.keys(scripts).some((script) => /^(pre|post)?install$/.test(script));
  });
  report('nothing runs when it is installed', bad.length === 0 ? undefined : bad.join(', '));
}

function checkRuns(project) {
  const command = join(project, 'node_modules', '.bin', 'whisper-npu');
  const shown = run(command, ['--version'], { cwd: project });
  report('whisper-npu --version', shown.stdout.trim() === version ? undefined : shown.said);
  const doctor = run(command, ['doctor', '--json'], { cwd: project });
  report('whisper-npu doctor', doctor.isGood ? undefined : doctor.said);
  for (const code of [
    "require('whisper-npu').transcribe.name",
    "import('whisper-npu').then((all) => all.transcribe.name)",
  ]) {
    const { isGood, said } = run(process.execPath, ['-e', code], { cwd: project });
    report(code.split('.')[0], isGood ? undefined : said);
  }
  const sample = join(project, 'node_modules', 'whisper-npu', 'samples', 'espeak-en-16k.wav');
  const args = ['transcribe', '--offline', '--device', 'cpu', '--model', 'whisper-tiny.en', sample];
  const { isGood, stdout, said } = run(command, args, { cwd: project });
  if (said.includes('is not on this machine')) console.log('left   the sample: whisper-tiny.en is not in the store');
  else report('the sample is transcribed', isGood && /neural processing unit/i.test(stdout) ? undefined : said);
}

function checkInstalled() {
  const folder = mkdtempSync(join(tmpdir(), 'whisper-npu-release-'));
  try {
    const tarballs = pack(folder);
    const project = join(folder, 'project');
    mkdirSync(project);
    writeFileSync(join(project, 'package.json'), '{ "private": true }\n');
    const args = ['install', '--omit=dev', '--no-audit', '--no-fund', '--prefer-offline', ...tarballs];
    const { isGood, said } = run('npm', args, { cwd: project });
    report('they are installed into an empty project', isGood ? undefined : said);
    if (!isGood) return;
    checkLicences(project);
    checkScripts(project);
    checkRuns(project);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

checkVersions();
checkPages();
checkInstalled();
if (failures > 0) process.exitCode = 1;
console.log(failures === 0 ? 'ready for a release' : `${failures} failed`);
