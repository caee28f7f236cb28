import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

/** A peer in Python: a script of this folder that answers every line with one line of JSON. */
export async function startPython(python, script, args) {
  const child = spawn(python, [fileURLToPath(new URL(script, import.meta.url)), ...args.map(String)], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const answer = async () => {
    const { value, done } = await lines.next();
    if (done) throw new Error(`${script} ended with exit code ${child.exitCode ?? 'unknown'}`);
    return JSON.parse(value);
  };
  const { label } = await answer();
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
