/** The compiled server with a pool that says what it is told to, for pictures and measurements of the page. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openSpeechServer } from '../../dist/server/speech-server.js';

/** Words of a text with their times, spread by length. */
function wordsOf(text, start, end, unsure) {
  let at = start;
  return text.split(/(?= )/).map((word) => {
    const startSeconds = at;
    at += ((end - start) * word.length) / text.length;
    const probability = unsure[word.replace(/[^\p{L}]/gu, '')] ?? 0.97;
    return { text: word, startSeconds, endSeconds: at, probability };
  });
}

function segmentOf([startSeconds, endSeconds, text], id, unsure) {
  const spoken = ` ${text}`;
  const rest = { seek: 0, tokens: [1], temperature: 0, avgLogprob: -0.2, compressionRatio: 1.2, language: 'en' };
  return {
    ...rest,
    id,
    startSeconds,
    endSeconds,
    text: spoken,
    words: wordsOf(spoken, startSeconds, endSeconds, unsure),
  };
}

/** A quiet recording of so many seconds. */
function silence(seconds) {
  const sizeBytes = Math.round(seconds * 8000) * 2;
  const bytes = Buffer.alloc(44 + sizeBytes);
  bytes.write('RIFF', 0);
  bytes.writeUInt32LE(36 + sizeBytes, 4);
  bytes.write('WAVEfmt ', 8);
  bytes.writeUInt32LE(16, 16);
  bytes.writeUInt16LE(1, 20);
  bytes.writeUInt16LE(1, 22);
  bytes.writeUInt32LE(8000, 24);
  bytes.writeUInt32LE(16_000, 28);
  bytes.writeUInt16LE(2, 32);
  bytes.writeUInt16LE(16, 34);
  bytes.write('data', 36);
  bytes.writeUInt32LE(sizeBytes, 40);
  return bytes;
}

/**
 * @param said segments as [start, end, text]
 * @param unsure how likely words are that are not sure
 * @returns its address, a recording that is as long, and `heard(count)`, how many segments it says before it waits
 */
export async function openScriptedServer({ said, unsure = {} }) {
  const folder = mkdtempSync(join(tmpdir(), 'whisper-npu-page-'));
  const recording = join(folder, 'recording.wav');
  writeFileSync(recording, silence(Math.ceil(said.at(-1)[1])));
  let limit = Number.POSITIVE_INFINITY;
  const pool = {
    name: 'whisper-base',
    dtype: 'float32',
    async *transcribe(given, { signal } = {}) {
      for await (const _ of given.samples());
      for (const [id, segment] of said.entries()) {
        while (id >= limit && !signal?.aborted) await new Promise((resolve) => setTimeout(resolve, 50));
        signal?.throwIfAborted();
        yield segmentOf(segment, id, unsure);
      }
    },
    detectLanguage: async () => [{ language: 'en', probability: 0.98 }],
    status: () => ({ devices: [], recordings: 0, waitingRecordings: 0, windows: 0, waitingWindows: 0 }),
    close: async () => {},
    [Symbol.asyncDispose]: async () => {},
  };
  const server = await openSpeechServer({
    host: '127.0.0.1',
    port: 0,
    access: { hosts: [], corsOrigins: [] },
    models: { open: async () => pool, stored: async () => [] },
    admission: { running: 4, waiting: 8, waitSeconds: 60 },
    uploads: { maxBytes: 1e9, minBytesPerSecond: 1000, paceSeconds: 15 },
    uploadDirectory: folder,
    maxDurationSeconds: 36_000,
    version: '0',
    onAnswered: () => {},
  });
  await server.ready;
  return {
    url: server.url,
    recording,
    heard(count) {
      limit = count;
    },
    async close() {
      await server[Symbol.asyncDispose]();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
