import { spawn } from 'node:child_process';
import { open, readFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { startProgram } from './child-peer.mjs';

const startMs = 60_000;

/** Its server, so that the model stays loaded as everybody's does; a request and its answer take about a millisecond. */
export const whisperCpp = {
  name: 'whisper.cpp',
  options: {
    'whisper-cpp': { type: 'string' },
    'whisper-cpp-tokens': { type: 'string' },
    'ggml-model': { type: 'string' },
  },
  start,
};

async function start(work, flags) {
  const { 'whisper-cpp': server, 'whisper-cpp-tokens': tokensProgram, 'ggml-model': model } = flags;
  if (model === undefined) return { absent: 'give a ggml file with --ggml-model (scripts/export-ggml.mjs makes one)' };
  if (work.tokens !== undefined) {
    if (tokensProgram === undefined)
      return { absent: 'build scripts/peers/whisper-cpp-tokens.cc for --whisper-cpp-tokens' };
    const { samplesFile, language, threads, tokens } = work;
    const label = await labelOf(model);
    return startProgram(tokensProgram, [model, samplesFile, language, threads, tokens, label]);
  }
  if (server === undefined) return { absent: 'give its whisper-server with --whisper-cpp' };
  return startServer(work, server, model);
}

async function startServer({ wavFile, isLong, language, threads }, server, model) {
  const port = await freePort();
  const decoding = ['--no-fallback', '--best-of', 1, '--beam-size', 1, '--language', language];
  if (!isLong) decoding.push('--no-timestamps');
  const args = ['--model', model, '--threads', threads, '--host', '127.0.0.1', '--port', port, ...decoding];
  const child = spawn(server, args.map(String), { stdio: 'ignore' });
  const ended = new Promise((_, reject) => {
    child.once('error', reject);
    child.once('exit', (code) => reject(new Error(`whisper-server ended with exit code ${code}`)));
  });
  ended.catch(() => undefined); // told by whoever waits for an answer
  const address = `http://127.0.0.1:${port}`;
  const label = await Promise.race([ended, answers(address).then(() => labelOf(model))]).catch((error) => {
    child.kill();
    throw error;
  });
  const wav = new Blob([await readFile(wavFile)], { type: 'audio/wav' });
  return {
    label,
    async transcribe() {
      const form = new FormData();
      form.set('file', wav, 'clip.wav');
      form.set('response_format', 'json');
      form.set('temperature', '0');
      const started = performance.now();
      const reply = await Promise.race([ended, fetch(`${address}/inference`, { method: 'POST', body: form })]);
      const { text } = await reply.json();
      return { seconds: (performance.now() - started) / 1000, text: text.replace(/\s*\n\s*/g, ' ') };
    },
    async close() {
      child.kill();
    },
  };
}

function freePort() {
  return new Promise((resolve, reject) => {
    const probe = createServer();
    probe.once('error', reject);
    probe.listen(0, '127.0.0.1', () => {
      const { port } = probe.address();
      probe.close(() => resolve(port));
    });
  });
}

async function answers(address) {
  const deadline = performance.now() + startMs;
  while (performance.now() < deadline) {
    try {
      await fetch(address);
      return;
    } catch {
      await sleep(100); // still loading
    }
  }
  throw new Error(`whisper-server did not answer within ${startMs / 1000} s`);
}

/** With what the file's matrices are made of: number 11 of its header. */
async function labelOf(model) {
  const file = await open(model);
  try {
    const { buffer } = await file.read(Buffer.alloc(48), 0, 48, 0);
    const types = { 0: 'f32', 1: 'f16', 7: 'q8_0', 8: 'q5_0', 2: 'q4_0' };
    return `whisper.cpp ${types[buffer.readInt32LE(44) % 1000] ?? 'quantised'}`;
  } finally {
    await file.close();
  }
}
