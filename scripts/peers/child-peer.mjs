import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

/**
 * A peer in a process of its own: a script of this folder that first prints `{"label"}`, or `{"absent": why}`, then
 * answers every line with `{"seconds", "text"}`.
 *
 * @returns a runner, or why there is none
 */
export function startChild(command, script, args) {
  return startProgram(command, [fileURLToPath(new URL(script, import.meta.url)), ...args]);
}

/** The same for a program. */
export async function startProgram(command, args) {
  const child = spawn(command, args.map(String), { stdio: ['pipe', 'pipe', 'inherit'] });
  const failed = new Promise((_, reject) => child.once('error', reject));
  failed.catch(() => undefined); // told by whoever waits for an answer
  child.stdin.on('error', () => undefined); // a peer that has ended says so by its missing answer
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const answer = async () => {
    const { value, done } = await Promise.race([lines.next(), failed]);
    if (done) throw new Error(`${[command, args[0]].join(' ')} ended early`);
    return JSON.parse(value);
  };
  const { label, absent } = await answer().catch((error) => {
    child.kill();
    throw error;
  });
  if (absent !== undefined) {
    child.stdin.end();
    return { absent };
  }
  return {
    label,
    transcribe() {
      child.stdin.write('go\n');
      return answer();
    },
    async close() {
      child.stdin.end();
    },
  };
}
