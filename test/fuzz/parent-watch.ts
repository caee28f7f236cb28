/**
 * A thread that ends its process once the one that started it has ended, by whatever signal. The main thread cannot: it
 * may be reading an input that never ends.
 */
import { rmSync } from 'node:fs';
import { Socket } from 'node:net';
import { parentPort, workerData } from 'node:worker_threads';

const folder: string = workerData;
/** The other end is the starter's, which never writes, and is closed when it ends. */
const starter = new Socket({ fd: 0, readable: true, writable: false });
starter.on('close', () => {
  rmSync(folder, { recursive: true, force: true });
  process.kill(process.pid, 'SIGKILL');
});
starter.resume();
parentPort?.postMessage('watching');
