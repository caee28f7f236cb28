import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { type AddonName, findAddon } from '../../src/backend/find-addon.ts';
import { temporaryFolder } from '../support/temporary.ts';

/** A program of version 1.2.3 in a folder of its own, with files beside it. */
function program(files: Readonly<Record<string, string>>): string {
  const root = join(temporaryFolder(), 'node_modules', 'whisper-npu');
  const all = { 'package.json': JSON.stringify({ name: 'whisper-npu', version: '1.2.3' }), ...files };
  for (const [name, content] of Object.entries(all)) {
    mkdirSync(dirname(join(root, name)), { recursive: true });
    writeFileSync(join(root, name), content);
  }
  return root;
}

/** Files of an installed platform package beside the program. */
function platformPackage(name: string, version = '1.2.3', addons: readonly AddonName[] = ['whisper_cpu']) {
  const folder = `../@whisper-npu/${name}`;
  return {
    [`${folder}/package.json`]: JSON.stringify({ name: `@whisper-npu/${name}`, version }),
    ...Object.fromEntries(addons.map((addon) => [`${folder}/${addon}.node`, ''])),
  };
}

const glibc = { platform: 'linux', arch: 'x64', usesMusl: () => false };
const musl = { ...glibc, usesMusl: () => true };

describe('findAddon', () => {
  test('takes what the checkout built, before an installed package', () => {
    const root = program({ 'build/Release/whisper_cpu.node': '', ...platformPackage('linux-x64') });
    expect(findAddon('whisper_cpu', { root, ...glibc })).toMatchObject({
      path: join(root, 'build/Release/whisper_cpu.node'),
      origin: 'built in this checkout',
    });
  });

  test("takes the platform's package", () => {
    const root = program(platformPackage('linux-arm64', '1.2.3', ['whisper_cpu', 'whisper_npu']));
    expect(findAddon('whisper_npu', { root, ...glibc, arch: 'arm64' })).toMatchObject({
      path: expect.stringMatching(/@whisper-npu\/linux-arm64\/whisper_npu\.node$/),
      origin: '@whisper-npu/linux-arm64 1.2.3',
    });
  });

  test('takes the package for the C library in use where both are installed, else the one that is', () => {
    const both = program({ ...platformPackage('linux-x64'), ...platformPackage('linux-x64-musl') });
    expect(findAddon('whisper_cpu', { root: both, ...glibc })).toMatchObject({
      origin: '@whisper-npu/linux-x64 1.2.3',
    });
    expect(findAddon('whisper_cpu', { root: both, ...musl })).toMatchObject({
      origin: '@whisper-npu/linux-x64-musl 1.2.3',
    });
    const one = program(platformPackage('linux-x64-musl'));
    const usesMusl = () => expect.unreachable('one package alone needs no question');
    expect(findAddon('whisper_cpu', { root: one, platform: 'linux', arch: 'x64', usesMusl })).toMatchObject({
      origin: '@whisper-npu/linux-x64-musl 1.2.3',
    });
  });

  test('says which package is missing and how to install it', () => {
    expect(findAddon('whisper_cpu', { root: program({}), ...musl })).toEqual({
      reasons: ['the package @whisper-npu/linux-x64-musl is not installed'],
      hint: expect.stringContaining('npm install @whisper-npu/linux-x64-musl@1.2.3'),
    });
  });

  test('says in a checkout that the addon was not built', () => {
    const root = program({ 'native/cpu/addon.cc': '' });
    expect(findAddon('whisper_cpu', { root, ...glibc })).toEqual({
      reasons: [
        `${join(root, 'build/Release/whisper_cpu.node')} was not built`,
        'the package @whisper-npu/linux-x64 is not installed',
      ],
      hint: expect.stringContaining('npm run build:native'),
    });
  });

  test('refuses a package of another version', () => {
    const root = program(platformPackage('linux-x64', '1.2.2'));
    expect(findAddon('whisper_cpu', { root, ...glibc })).toMatchObject({
      reasons: ['@whisper-npu/linux-x64 is of version 1.2.2, this program of version 1.2.3'],
      hint: expect.stringContaining('@whisper-npu/linux-x64@1.2.3'),
    });
  });

  test('says that CANN has no build for musl', () => {
    const root = program(platformPackage('linux-x64-musl'));
    expect(findAddon('whisper_npu', { root, ...musl })).toMatchObject({
      reasons: ['@whisper-npu/linux-x64-musl 1.2.3 does not contain whisper_npu.node'],
      hint: expect.stringContaining('glibc'),
    });
  });

  test('names a platform that has no package', () => {
    expect(findAddon('whisper_cpu', { root: program({}), ...glibc, platform: 'sunos' })).toMatchObject({
      reasons: ['there is no package of prebuilt addons for sunos on x64'],
    });
  });
});
