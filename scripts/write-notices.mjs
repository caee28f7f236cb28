/**
 * Writes THIRD-PARTY-NOTICES.md: what is installed with the program or compiled into it, with licences.
 *
 *   npm ci && node scripts/write-notices.mjs [--check]
 *
 * Packages and versions come from package-lock.json, licences' texts from the installed packages. With --check it writes nothing
 * and ends with 1 if the page is not what it would write.
 */
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { licenceOf } from './licence-of.mjs';

const root = fileURLToPath(new URL('..', import.meta.url));
const page = join(root, 'THIRD-PARTY-NOTICES.md');
const { packages } = JSON.parse(readFileSync(join(root, 'package-lock.json'), 'utf8'));

/** What packages bring along as WebAssembly, by what their documentation says. */
const within = {
  '@audio/decode-opus': 'libopus (BSD-3-Clause)',
  '@wasm-audio-decoders/ogg-vorbis': 'libvorbis and libogg (BSD-3-Clause)',
  'mpg123-decoder': 'mpg123 (LGPL-2.1)',
};

/** What is part of the program and no package of npm. */
const others = [
  ['Silero VAD', 'MIT', 'assets/silero-vad/', 'assets/silero-vad/LICENSE'],
  ['openai/whisper', 'MIT', 'data/english-spellings.tsv'],
  ['node-addon-api', 'MIT', 'compiled into the native code', 'node_modules/node-addon-api/LICENSE.md'],
];

/** Names of all packages that the given one is installed with, each found where npm would find it. */
function dependenciesOf(name) {
  return Object.keys(packages[`node_modules/${name}`]?.dependencies ?? {});
}

function installed() {
  const found = new Set();
  const open = Object.keys(packages[''].dependencies);
  for (let name = open.pop(); name !== undefined; name = open.pop()) {
    if (found.has(name)) continue;
    found.add(name);
    open.push(...dependenciesOf(name));
  }
  return [...found].sort();
}

function licenceText(folder) {
  const files = readdirSync(folder).filter((file) => /^(licen[cs]e|copying)/i.test(file));
  return files.sort().map((file) => readFileSync(join(folder, file), 'utf8').trim());
}

function section(title, texts) {
  const blocks = texts.map((text) => `\`\`\`text\n${text.replace(/[ \t]+$/gm, '')}\n\`\`\``);
  return [`## ${title}`, ...(blocks.length === 0 ? ['The package has no file with its licence.'] : blocks)];
}

const names = installed();
const rows = names.map((name) => {
  const { version } = packages[`node_modules/${name}`];
  const licence = licenceOf(JSON.parse(readFileSync(join(root, 'node_modules', name, 'package.json'), 'utf8')));
  return `| [${name}](https://www.npmjs.com/package/${name}) | ${version} | ${licence} | ${within[name] ?? ''} |`;
});
const otherRows = others.map(
  ([name, licence, where]) => `| ${name} | ${licence} | ${where.replace(/^\S+\/\S*$/, '`$&`')} |`,
);
const text = `${[
  '<!-- Written by scripts/write-notices.mjs from package-lock.json and the installed packages. -->',
  '# Third-party notices',
  'whisper-npu itself is under the [MIT licence](LICENSE). It is installed with these packages, which lie beside it and can be replaced:',
  ['| package | version | licence | contains |', '|---|---|---|---|', ...rows].join('\n'),
  'These are part of it:',
  ['| work | licence | where |', '|---|---|---|', ...otherRows].join('\n'),
  'Models are fetched by users and are not part of the program; OpenAI publishes Whisper under the MIT licence.',
  ...names.flatMap((name) => section(name, licenceText(join(root, 'node_modules', name)))),
  ...others.flatMap(([name, , , file]) =>
    file === undefined || !existsSync(join(root, file))
      ? []
      : section(name, [readFileSync(join(root, file), 'utf8').trim()]),
  ),
].join('\n\n')}\n`;

if (process.argv.includes('--check')) {
  if (!existsSync(page) || readFileSync(page, 'utf8') !== text) {
    console.error('THIRD-PARTY-NOTICES.md is not current: run `npm ci && node scripts/write-notices.mjs`');
    process.exitCode = 1;
  }
} else writeFileSync(page, text);
