import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { isAbsolute, join, relative } from 'node:path';
import { expect, test } from 'vitest';
import { processToken } from '../../../src/model/process-token.ts';
import { openUploadFolder } from '../../../src/server/http/upload-folder.ts';
import { temporaryFolder } from '../../support/temporary.ts';

/** The token of a process that has ended: ours, with the id of one that has. */
function endedToken(): string {
  const { pid } = spawnSync('true');
  const parts = processToken().split('~');
  parts[1] = String(pid);
  return parts.join('~');
}

test('the folder is private, and gone with all that is in it when it is disposed of', async () => {
  const parent = temporaryFolder();
  const folder = await openUploadFolder(parent);
  expect(statSync(folder.path).mode & 0o777).toBe(0o700);
  writeFileSync(folder.newPath(), 'a recording');
  expect(folder.newPath()).not.toBe(folder.newPath());
  await folder[Symbol.asyncDispose]();
  expect(readdirSync(parent)).toEqual([]);
});

test('its paths are absolute, wherever it was asked for from', async () => {
  const folder = await openUploadFolder(relative('.', temporaryFolder()));
  expect(isAbsolute(folder.newPath())).toBe(true);
  await folder[Symbol.asyncDispose]();
});

test('what a killed process left is removed, what others work on stays', async () => {
  const parent = temporaryFolder();
  const precious = join(temporaryFolder(), 'precious');
  mkdirSync(precious);
  const [dead, alive] = [`whisper-npu-uploads-${endedToken()}`, `whisper-npu-uploads-${processToken()}`];
  for (const name of [dead, alive, 'whisper-npu-uploads-else', 'other']) mkdirSync(join(parent, name));
  writeFileSync(join(parent, dead, '0'), 'a recording');
  symlinkSync(precious, join(parent, `whisper-npu-uploads-${endedToken()}`));
  await using folder = await openUploadFolder(parent);
  expect(existsSync(folder.path)).toBe(true);
  expect(readdirSync(parent)).not.toContain(dead);
  for (const name of [alive, 'whisper-npu-uploads-else', 'other']) expect(readdirSync(parent)).toContain(name);
  expect(existsSync(precious)).toBe(true);
});

test('a folder that cannot be written is named', async () => {
  const file = join(temporaryFolder(), 'file');
  writeFileSync(file, '');
  await expect(openUploadFolder(file)).rejects.toMatchObject({
    code: 'UPLOADS_NOT_WRITABLE',
    hint: expect.stringContaining('--upload-dir'),
  });
});
