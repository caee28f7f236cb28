import { spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, readdirSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { built } from '../../support/build-dist.ts';
import { temporaryFolder } from '../../support/temporary.ts';

const root = fileURLToPath(new URL('../../..', import.meta.url));

test('without the packages for servers of jobs, the error names them and their versions', () => {
  const folder = temporaryFolder();
  cpSync(fileURLToPath(built('')), join(folder, 'dist'), { recursive: true });
  cpSync(join(root, 'package.json'), join(folder, 'package.json'));
  mkdirSync(join(folder, 'node_modules'));
  for (const name of readdirSync(join(root, 'node_modules')))
    if (!name.startsWith('.') && name !== 'bullmq' && name !== 'ioredis')
      symlinkSync(join(root, 'node_modules', name), join(folder, 'node_modules', name));
  const args = [join(folder, 'dist/cli/main.js'), 'queue', 'status', '--queue', 'redis://127.0.0.1:1'];
  const { status, stderr } = spawnSync(process.execPath, args, { encoding: 'utf8' });
  expect(stderr).toContain('error: a queue in a server needs the packages bullmq and ioredis');
  expect(stderr).toContain('npm install bullmq@6.7.0 ioredis@6.0.0');
  expect(status).toBe(1);
});
