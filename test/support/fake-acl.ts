import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, statSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('../../', import.meta.url));

/** Path of the built addon, if it was built. */
export const addonPath = `${root}build/Release/whisper_npu.node`;

/** Compiles test/native/fake_acl.cc where that was not done yet; `undefined` without a compiler or without the addon. */
export function buildFakeAcl(): string | undefined {
  if (!existsSync(addonPath)) return undefined;
  const source = `${root}test/native/fake_acl.cc`;
  const library = `${root}build/fake-acl/libascendcl.so`;
  if (existsSync(library) && statSync(library).mtimeMs > statSync(source).mtimeMs) return library;
  mkdirSync(`${root}build/fake-acl`, { recursive: true });
  const args = ['-std=c++20', '-shared', '-fPIC', `-I${root}native/npu`, source, '-o', library];
  const compiler = spawnSync('c++', args, { encoding: 'utf8' });
  if (compiler.error !== undefined) return undefined;
  if (compiler.status !== 0) throw new Error(compiler.stderr);
  return library;
}
