import { styleText } from 'node:util';
import type { Command } from 'commander';
import { printable } from '../../printable.ts';
import { diagnose, type Finding } from '../../setup/diagnose.ts';
import { addOptions, readOptions } from '../command-options.ts';
import { exitCode } from '../exit-codes.ts';
import type { Session } from '../session.ts';

const marks = { ok: 'ok', missing: '--', failed: 'FAILED' } as const;
const colours = { ok: 'green', missing: 'gray', failed: 'red' } as const;

export function addDoctor(program: Command, session: Session): void {
  addOptions(program.command('doctor'), 'doctor')
    .summary('look at what is installed and say what to do about what is missing')
    .description('Looks at Node, the CPU engine, CANN, devices, atc and the store. Ends with 1 if something is broken.')
    .action(async (_: unknown, own: Command) => {
      const { options } = readOptions(own, 'doctor', session);
      const findings = await diagnose(session.env);
      if (options.json) await session.print(`${JSON.stringify(findings)}\n`);
      else await session.print(findings.map(describe).join(''), true);
      if (findings.some(({ state }) => state === 'failed')) process.exitCode = exitCode.failed;
    });
}

function describe({ what, state, detail, remedy }: Finding): string {
  const mark = styleText(colours[state], marks[state].padEnd(7), { stream: process.stdout });
  const advice = remedy === undefined ? '' : `${''.padEnd(21)}-> ${printable(remedy)}\n`;
  return `${mark}${what.padEnd(14)}${printable(detail)}\n${advice}`;
}
