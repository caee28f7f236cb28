// Counts the processor time of decoding and resampling a recording to 16 kHz mono (an ffmpeg's own not included), and the
// most memory it takes:
//   npm run build && node scripts/bench-audio.mjs FILE...
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { openAudio } from '../dist/audio/open-audio.js';

const [path, ...more] = process.argv.slice(2);
if (more.length > 0) {
  // A process each: memory peaks are a process's.
  for (const file of [path, ...more])
    spawnSync(process.execPath, [fileURLToPath(import.meta.url), file], { stdio: 'inherit' });
} else {
  const audio = await openAudio(path, { onWarning: console.error });
  let [nSamples, peakBytes] = [0, 0];
  for await (const block of audio.samples) {
    nSamples += block.length;
    peakBytes = Math.max(peakBytes, process.memoryUsage.rss());
  }
  const { user, system } = process.cpuUsage();
  const [seconds, cpuSeconds] = [nSamples / 16_000, (user + system) / 1e6];
  console.log(
    `${path}: ${seconds.toFixed(0)} s of audio in ${cpuSeconds.toFixed(1)} s of processor time, ${((cpuSeconds * 3600) / seconds).toFixed(1)} s an hour, peak ${(peakBytes / 1e6).toFixed(0)} MB`,
  );
}
