// Packs the program, and the platform packages that were built, as they are published: build/tarballs/*.tgz.
//
//   node scripts/build-packages.mjs && node scripts/pack.mjs [FOLDER for the tarballs]
//
// The published package.json is made here: it names the platform packages as optional dependencies, of this very version.
// They cannot stand in the checkout's own, because `npm ci` refuses a lock file without them, and the lock file cannot name
// what is published only after it.
import { spawnSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { root } from './cmake-build.mjs';

const tarballs = resolve(process.argv[2] ?? join(root, 'build', 'tarballs'));

function fail(reason) {
  console.error(`pack: ${reason}`);
  process.exit(1);
}

function readJson(...path) {
  return JSON.parse(readFileSync(join(...path), 'utf8'));
}

function pack(folder) {
  const args = ['pack', '--ignore-scripts', '--pack-destination', tarballs, '--silent'];
  const { status, stdout, stderr } = spawnSync('npm', args, { cwd: folder, encoding: 'utf8' });
  if (status !== 0) fail(`npm pack in ${folder}:\n${stderr}`);
  console.log(join(tarballs, stdout.trim()));
}

// Scripts, development and the settings of building are the checkout's business.
const { scripts: _s, devDependencies: _d, binary: _b, ...manifest } = readJson(root, 'package.json');
const platforms = readdirSync(join(root, 'packages')).map((name) => ({
  folder: join(root, 'packages', name),
  manifest: readJson(root, 'packages', name, 'package.json'),
}));
for (const platform of platforms) {
  if (platform.manifest.version !== manifest.version)
    fail(`${platform.manifest.name} is of version ${platform.manifest.version}, the program of ${manifest.version}`);
}
if (!existsSync(join(root, 'dist', 'cli', 'main.js'))) fail('there is no dist: run `npm run build`');

mkdirSync(tarballs, { recursive: true });
const staging = mkdtempSync(join(tmpdir(), 'whisper-npu-pack-'));
for (const file of [...manifest.files, 'README.md', 'LICENSE'])
  cpSync(join(root, file), join(staging, file), { recursive: true });
const optionalDependencies = Object.fromEntries(platforms.map(({ manifest: { name, version } }) => [name, version]));
writeFileSync(join(staging, 'package.json'), `${JSON.stringify({ ...manifest, optionalDependencies }, null, 2)}\n`);
pack(staging);
rmSync(staging, { recursive: true });
for (const { folder, manifest: platform } of platforms) {
  if (readdirSync(folder).some((file) => file.endsWith('.node'))) pack(folder);
  else console.error(`pack: ${platform.name} is left out: it was not built (scripts/build-packages.mjs)`);
}
