import { styleText } from 'node:util';
import type { Command } from 'commander';
import { diagnose, type Finding } from '../../diagnose.ts';
import { exitCode } from '../exit-codes.ts';
import { option } from '../options.ts';
import type { Session } from '../session.ts';

const marks = { ok: 'ok', missing: '--', failed: 'FAILED' } as const;
const colours = { ok: 'green', missing: 'gray', failed: 'red' } as const;

export function addDoctor(program: Command, session: Session): void {
  program
    .command('doctor')
    .summary('look at what is installed and say what to do about what is missing')
    .description('Looks at Node, ONNX Runtime, CANN, devices, atc and the store. Ends with 1 if something is broken.')
    .addOption(option.json())
    .action(async (options: { json?: boolean }) => {
      const findings = await diagnose(session.env);
      await session.print(options.json ? `${JSON.stringify(findings)}\n` : findings.map(describe).join(''));
      if (findings.some(({ state }) => state === 'failed')) process.exitCode = exitCode.failed;
    });
}

function describe({ what, state, detail, remedy }: Finding): string {
  const mark = styleText(colours[state], marks[state].padEnd(7), { stream: process.stdout });
  return `${mark}${what.padEnd(14)}${detail}\n${remedy === undefined ? '' : `${''.padEnd(21)}-> ${remedy}\n`}`;
}
