import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { built } from './build-dist.ts';

/** The compiled command line. */
const cliPath = fileURLToPath(built('cli/main.js'));

export interface CliResult {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface CliOptions {
  readonly env?: Readonly<Record<string, string>>;
  readonly stdin?: Uint8Array;
  /** Called when the process has started. */
  readonly started?: (kill: (signal: NodeJS.Signals) => void) => void;
  /** Called once stderr contains this text. */
  readonly when?: { readonly text: string; readonly act: (kill: (signal: NodeJS.Signals) => void) => void };
}

/** Runs the command line in a process of its own. */
export function runCli(args: readonly string[], options: CliOptions = {}): Promise<CliResult> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [cliPath, ...args], {
      env: { ...process.env, NO_COLOR: '1', FORCE_COLOR: undefined, ...options.env },
    });
    let stdout = '';
    let stderr = '';
    let { when } = options;
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      stdout += text;
    });
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      stderr += text;
      if (when !== undefined && stderr.includes(when.text)) {
        const { act } = when;
        when = undefined;
        act((signal) => child.kill(signal));
      }
    });
    child.on('spawn', () => options.started?.((signal) => child.kill(signal)));
    child.on('error', reject);
    child.on('close', (code) => resolve({ code, stdout, stderr }));
    child.stdin.on('error', () => undefined); // a program that refuses its input closes it early
    child.stdin.end(options.stdin);
  });
}
