import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

/**
 * Where a file in test/fixtures is. The clips there are samples/espeak-en-16k.wav, encoded by lame 3.100 (`-m m -b 40`),
 * flac 1.4.2 (`-8 --no-padding --no-seektable`), oggenc 1.4.2 (`-q 0`) and opusenc 0.2 (`--bitrate 16`).
 */
export function fixturePath(name: string): string {
  return fileURLToPath(new URL(`../fixtures/${name}`, import.meta.url));
}

export function fixture(name: string): Buffer {
  return readFileSync(fixturePath(name));
}
