import { spawnSync } from 'node:child_process';
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { Command } from 'commander';
import { describe, expect, test } from 'vitest';
import { addOptions, readOptions } from '../src/cli/command-options.ts';
import type { Session } from '../src/cli/session.ts';
import { queueOptions } from '../src/options/queue.ts';
import { temporaryFolder } from './support/temporary.ts';

const images = ['deploy/docker/cpu.Dockerfile', 'deploy/docker/ascend.Dockerfile'];

/** What the program reads beside its code: addresses that it counts from its own files. */
function filesRead(): string[] {
  const sources = readdirSync('src', { recursive: true, encoding: 'utf8' }).filter((file) => file.endsWith('.ts'));
  const paths = sources.flatMap((file) => {
    const text = readFileSync(join('src', file), 'utf8');
    const addresses = [...text.matchAll(/new URL\(['`](\.\.\/[^'`]+)['`], import\.meta\.url\)/g)];
    return addresses.map(([, address = '']) => resolve('dist', dirname(file), address).slice(resolve('.').length + 1));
  });
  return [...new Set(paths)].filter((path) => path !== '' && !path.startsWith('dist/'));
}

function read<Name extends 'serve' | 'worker'>(name: Name, args: readonly string[]) {
  const session = { env: {}, stderr: { write: () => true } } as unknown as Session;
  const command = addOptions(new Command(name), name).exitOverride();
  command.action(() => undefined).parse(args, { from: 'user' });
  return readOptions(command, name, session).options;
}

describe.each(images)('%s', (image) => {
  const text = readFileSync(image, 'utf8');

  test('brings along every file that the program reads', () => {
    const copied = [...text.matchAll(/^COPY --from=build (.+)$/gm)].flatMap(([, words = '']) => words.split(' '));
    const isCopied = (path: string) => copied.some((from) => `/build/${path}`.startsWith(from));
    expect(filesRead()).toContain('assets/silero-vad/silero-vad-16k.safetensors');
    expect(filesRead().filter((path) => !isCopied(path))).toEqual([]);
  });

  test('starts the server with options that it takes, on the port that is looked at', () => {
    const [, words = ''] = /^CMD (\["serve".+)$/m.exec(text) ?? [];
    const [, ...args] = JSON.parse(words) as string[];
    const { host, port } = read('serve', args);
    expect(host).toBe('0.0.0.0');
    expect(text).toContain(`EXPOSE ${port}\n`);
    expect(text).toContain(`http://127.0.0.1:${port}/health`);
  });
});

test('the service starts the server with options that it takes', () => {
  const unit = readFileSync('deploy/systemd/whisper-npu.service', 'utf8');
  const [, words = ''] = /^ExecStart=\/usr\/bin\/env whisper-npu serve (.+)$/m.exec(unit) ?? [];
  expect(read('serve', words.split(' ')).host).toBe('0.0.0.0');
  const [, onNpus = ''] = /exec whisper-npu serve (.+)'/.exec(unit) ?? [];
  expect(read('serve', onNpus.split(' ')).device).toMatchObject({ kind: 'npu' });
});

test('workers in Kubernetes are started with options that they take, in places that their image has', () => {
  const text = readFileSync('deploy/kubernetes/worker.yaml', 'utf8');
  const [, words = ''] = /^ +args: \[worker, (.+)\]$/m.exec(text) ?? [];
  const { device, metricsPort, metricsHost } = read('worker', words.replaceAll("'", '').split(', '));
  expect(device).toMatchObject({ kind: 'npu' });
  // Probes come from outside of the container.
  expect([metricsHost, text.match(/containerPort: (.*)/)?.[1]]).toEqual(['0.0.0.0', String(metricsPort)]);
  expect(text.match(/path: \/(?:health|ready)\n +port: metrics\n/g)).toHaveLength(3);
  expect(text).toContain(`- name: ${queueOptions.queue.env}\n`);
  expect(text).toContain('mountPath: /models\n');
  for (const image of images) expect(readFileSync(image, 'utf8')).toContain('WHISPER_NPU_HOME=/models');
});

test.each([
  ...images.map((image) => [image, ['bullmq', 'ioredis']] as const),
  ...['docs/scale-out.md', 'src/queue/bullmq/packages.ts'].map((path) => [path, ['bullmq', 'ioredis', 'pg']] as const),
])('%s names the packages for queues in servers as the tests have them', (path, names) => {
  const { devDependencies } = JSON.parse(readFileSync('package.json', 'utf8'));
  const text = readFileSync(path, 'utf8');
  for (const name of names)
    expect(text).toMatch(new RegExp(`${name}(@|: ')${devDependencies[name].replaceAll('.', '\\.')}`));
});

test('a command is run with the environment of CANN, and with the libraries of the driver', () => {
  const folder = temporaryFolder();
  mkdirSync(join(folder, 'cann'));
  // CANN's own reads variables that are not set.
  writeFileSync(join(folder, 'cann/set_env.sh'), 'export FROM_CANN="yes$UNSET_HERE" LD_LIBRARY_PATH=/cann/lib64\n');
  const { stdout, status } = spawnSync('bash', ['deploy/docker/with-cann.sh', 'env'], {
    encoding: 'utf8',
    env: { PATH: process.env['PATH'], ASCEND_TOOLKIT_HOME: join(folder, 'cann') },
  });
  expect(status).toBe(0);
  expect(stdout).toContain('FROM_CANN=yes\n');
  expect(stdout).toContain('LD_LIBRARY_PATH=/cann/lib64:/usr/local/Ascend/driver/lib64:');
  const failing = spawnSync('bash', ['deploy/docker/with-cann.sh', 'sh', '-c', 'exit 7'], { env: process.env });
  expect(failing.status).toBe(7);
});

test('what documents put behind an image is a command of the program, which is the image’s entry point', () => {
  for (const image of images) expect(readFileSync(image, 'utf8')).toMatch(/^ENTRYPOINT \[(.*, )?"whisper-npu"\]$/m);
  const documents = ['docs/server.md', 'docs/ascend.md'].map((path) => readFileSync(path, 'utf8')).join('\n');
  const commands = [...documents.matchAll(/docker run … whisper-npu\S* (\S+?)[ `]/g)].map(([, command]) => command);
  expect(commands.sort()).toEqual(['doctor', 'serve']);
});
