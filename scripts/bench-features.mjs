// Times the log-mel spectrogram, cold (the first call of a process) and warm, on one core:
//   npm run build && node scripts/bench-features.mjs
import { spawnSync } from 'node:child_process';
import { performance } from 'node:perf_hooks';
import { fileURLToPath } from 'node:url';
import { logMelSpectrogram, sampleRate } from '../dist/features/log-mel.js';

const warmRuns = 30;

function noise(durationSeconds) {
  const samples = new Float32Array(durationSeconds * sampleRate);
  for (let i = 0; i < samples.length; i++) samples[i] = Math.random() - 0.5;
  return samples;
}

function timeMs(samples, nMels) {
  const start = performance.now();
  logMelSpectrogram(samples, nMels);
  return performance.now() - start;
}

function measure(durationSeconds, nMels) {
  const samples = noise(durationSeconds);
  const cold = timeMs(samples, nMels);
  const warm = Array.from({ length: warmRuns }, () => timeMs(samples, nMels)).sort((a, b) => a - b);
  const [best, median] = [warm[0], warm[warmRuns / 2]];
  const ms = (value) => value.toFixed(1).padStart(6);
  console.log(
    `${durationSeconds} s, ${nMels} mels: cold ${ms(cold)} ms, warm median ${ms(median)} ms, best ${ms(best)} ms`,
  );
}

const [durationSeconds, nMels] = process.argv.slice(2).map(Number);
if (durationSeconds && nMels) {
  measure(durationSeconds, nMels);
} else {
  // A process per case: only its first call is cold.
  for (const args of [
    [11, 80],
    [30, 80],
    [30, 128],
  ]) {
    spawnSync(process.execPath, [fileURLToPath(import.meta.url), ...args.map(String)], { stdio: 'inherit' });
  }
}
