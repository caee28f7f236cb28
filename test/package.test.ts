import { execFileSync, spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';

const root = fileURLToPath(new URL('..', import.meta.url));

/** Uses values, classes as values and as types, and types alone. */
const usage = `
async function main(): Promise<void> {
  const options: TranscribeOptions = { language: 'de-AT', beamSize: 5, clips: [{ startSeconds: 1 }] };
  const audio = await openRecording('talk.mp3', { channel: 'left' });
  try {
    for await (const segment of transcribe(await loadModel({ device: 'cpu' }), audio, options)) {
      const text: string = segment.text;
      console.log(text, formatNames.length, transcribeDefaults.beamSize);
    }
  } catch (error) {
    const known: WhisperNpuError | undefined = error instanceof UsageError ? error : undefined;
    console.log(known?.hint);
  }
  // @ts-expect-error a language is a text
  const wrong: TranscribeOptions = { language: 5 };
  // @ts-expect-error there is no such option
  const unknown: TranscribeOptions = { beams: 5 };
  console.log(wrong, unknown);
}
void main;
`;
const named = `{ formatNames, loadModel, openRecording, type TranscribeOptions, transcribe, transcribeDefaults, UsageError, type WhisperNpuError }`;
const imported = `import ${named} from 'whisper-npu';\n${usage}`;

describe('the packed package', () => {
  let project: string;

  beforeAll(() => {
    project = mkdtempSync(join(tmpdir(), 'whisper-npu-package-'));
    // What the package depends on, and Node's types, come from this checkout: nothing is fetched.
    const modules = join(project, 'node_modules');
    mkdirSync(modules);
    for (const name of readdirSync(join(root, 'node_modules')))
      if (!name.startsWith('.')) symlinkSync(join(root, 'node_modules', name), join(modules, name));
    const packed = execFileSync('npm', ['pack', '--ignore-scripts', '--json', '--pack-destination', project], {
      cwd: root,
      encoding: 'utf8',
    });
    const [{ filename }] = JSON.parse(packed) as [{ filename: string }];
    mkdirSync(join(modules, 'whisper-npu'));
    execFileSync('tar', ['-xzf', join(project, filename), '-C', join(modules, 'whisper-npu'), '--strip-components=1']);
  }, 240_000);

  afterAll(() => rmSync(project, { recursive: true, force: true }));

  function write(file: string, text: string): string {
    const path = join(project, file);
    writeFileSync(path, text);
    return path;
  }

  /** What tsc says of a file, the package's own types included. */
  function tsc(file: string, compilerOptions: Readonly<Record<string, unknown>>): string {
    const config = write(
      `tsconfig.${file}.json`,
      JSON.stringify({
        compilerOptions: { target: 'es2023', strict: true, noEmit: true, types: ['node'], ...compilerOptions },
        files: [file],
      }),
    );
    const args = [join(root, 'node_modules/typescript/bin/tsc'), '-p', config];
    return spawnSync(process.execPath, args, { encoding: 'utf8' }).stdout;
  }

  test.each([
    ['ECMAScript modules', 'esm.mts', { module: 'nodenext' }],
    ['CommonJS of node16', 'commonjs.cts', { module: 'node16' }],
    ['CommonJS of nodenext', 'commonjs.cts', { module: 'nodenext' }],
    ['a bundler', 'bundled.ts', { module: 'esnext', moduleResolution: 'bundler' }],
  ])(
    'has types for %s',
    (_, file, compilerOptions) => {
      write(file, imported);
      expect(tsc(file, compilerOptions)).toBe('');
    },
    240_000,
  );

  test('has the page of the server', () => {
    const files = readdirSync(join(project, 'node_modules/whisper-npu/dist/server/page'));
    expect(files.toSorted()).toEqual(readdirSync(join(root, 'src/server/page')).toSorted());
  });

  test('is required and imported with the same names', () => {
    const names = 'Object.keys(library).sort()';
    const required = write('use.cjs', `const library = require('whisper-npu'); console.log(JSON.stringify(${names}));`);
    const imported = write('use.mjs', `import * as library from 'whisper-npu'; console.log(JSON.stringify(${names}));`);
    const [fromRequire, fromImport] = [required, imported].map((script) => {
      const { stdout, stderr } = spawnSync(process.execPath, [script], { cwd: project, encoding: 'utf8' });
      expect(stderr).toBe('');
      return JSON.parse(stdout) as string[];
    });
    expect(fromImport).toContain('transcribe');
    expect(fromRequire).toEqual(fromImport);
  }, 240_000);

  test('declares every name for require() that there is', () => {
    const check = `
      import type * as imported from 'whisper-npu' with { 'resolution-mode': 'import' };
      import type * as required from 'whisper-npu' with { 'resolution-mode': 'require' };
      const complete: Record<Exclude<keyof typeof imported, keyof typeof required>, never> = {};
      const exact: Record<Exclude<keyof typeof required, keyof typeof imported | 'default'>, never> = {};
      const same: typeof imported = null as unknown as typeof required;
      console.log(complete, exact, same);`;
    write('names.mts', check);
    expect(tsc('names.mts', { module: 'nodenext' })).toBe('');
  }, 240_000);
});
