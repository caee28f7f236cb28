/** Compiles `src` to `dist`: what tsc makes of it, the types for require(), the server's page, and a command line that can be executed. */
import { spawnSync } from 'node:child_process';
import { chmodSync, copyFileSync, cpSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const inRoot = (path) => fileURLToPath(new URL(`../${path}`, import.meta.url));

const tsc = [inRoot('node_modules/typescript/bin/tsc'), '-p', inRoot('tsconfig.build.json')];
const { status } = spawnSync(process.execPath, tsc, { stdio: 'inherit' });
if (status !== 0) process.exit(status ?? 1);
copyFileSync(inRoot('src/require.d.cts'), inRoot('dist/require.d.cts'));
cpSync(inRoot('src/server/page'), inRoot('dist/server/page'), { recursive: true });
chmodSync(inRoot('dist/cli/main.js'), 0o755);
